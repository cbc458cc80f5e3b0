//! Span files that are held open, so that they can be read to the end when the
//! server has merged or removed them in the meantime: a name that is gone takes
//! nothing from a file that is open. Nothing is written here.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use crate::StoreError;
use crate::book::rows::ManifestFile;

/// What errors call this store.
const NAME: &str = "held span files";

/// Span files, open.
#[derive(Debug, Default)]
pub(super) struct HeldFiles {
    files: HashMap<Path, Arc<Held>>,
}

#[derive(Debug)]
struct Held {
    file: File,
    meta: ObjectMeta,
}

impl HeldFiles {
    /// Opens the files of a manifest; second are the paths of those that are
    /// not there.
    pub(super) fn open(
        data_dir: &FilePath,
        files: &[ManifestFile],
    ) -> std::result::Result<(Self, Vec<String>), StoreError> {
        let mut held = HashMap::with_capacity(files.len());
        let mut missing = Vec::new();
        for file in files {
            let path = data_dir.join(&file.path);
            match hold(&path) {
                Ok(opened) => drop(held.insert(opened.meta.location.clone(), Arc::new(opened))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    missing.push(file.path.clone());
                }
                Err(error) => return Err(StoreError::disk("open", &path)(error)),
            }
        }
        Ok((Self { files: held }, missing))
    }

    fn get(&self, location: &Path) -> Result<Arc<Held>> {
        let held = self.files.get(location).cloned();
        held.ok_or_else(|| Error::NotFound {
            path: location.to_string(),
            source: Box::new(io::Error::from(io::ErrorKind::NotFound)),
        })
    }
}

fn hold(path: &FilePath) -> io::Result<Held> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    let meta = ObjectMeta {
        location: Path::from_absolute_path(path).map_err(io::Error::other)?,
        last_modified: found.modified()?.into(),
        size: found.len(),
        e_tag: None,
        version: None,
    };
    Ok(Held { file, meta })
}

impl Held {
    fn read(&self, range: &Range<u64>) -> Result<Bytes> {
        let length = range.end.saturating_sub(range.start);
        let mut bytes = vec![0; usize::try_from(length).map_err(failed)?];
        self.file.read_exact_at(&mut bytes, range.start).map_err(failed)?;
        Ok(bytes.into())
    }
}

fn failed(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic { store: NAME, source: Box::new(source) }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}

impl fmt::Display for HeldFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

#[async_trait]
impl ObjectStore for HeldFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let held = self.get(location)?;
        let size = held.meta.size;
        let range = match &options.range {
            Some(range) => range.as_range(size).map_err(failed)?,
            None => 0..size,
        };
        let meta = held.meta.clone();
        let bytes = if options.head {
            Bytes::new()
        } else {
            let range = range.clone();
            blocking(move || held.read(&range)).await?
        };
        let payload = GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Default::default() })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let held = self.get(location)?;
        let ranges = ranges.to_vec();
        blocking(move || ranges.iter().map(|range| held.read(range)).collect()).await
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let all: Vec<_> = self.files.values().map(|held| Ok(held.meta.clone())).collect();
        stream::iter(all).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(only_read())
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(only_read())
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(only_read())
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| Err(only_read())).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(only_read())
    }
}

fn only_read() -> Error {
    failed(io::Error::new(io::ErrorKind::Unsupported, "span files are only read here"))
}
