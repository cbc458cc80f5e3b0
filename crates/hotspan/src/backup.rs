//! `hotspan backup`: copies a data directory, whether a server runs on it or
//! not. How that is consistent is the store's business.

use std::path::PathBuf;

use hotspan_store::{BackupFiles, BackupSummary, Store};

use crate::cli::print;

/// What `hotspan backup` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the copy goes: a new or empty directory.
    to: PathBuf,
    /// The server's data directory.
    #[arg(long, env = "HOTSPAN_DATA_DIR", default_value = "hotspan-data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Copy span files even where links would do: for a copy that stays on the
    /// same disk and must outlive damage to it.
    #[arg(long)]
    no_links: bool,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { to, data_dir, no_links } = arguments;
    let files = if no_links { BackupFiles::Copy } else { BackupFiles::Link };
    let bar = indicatif::ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let shown = bar.clone();
    let told = move |step: &str| shown.set_message(step.to_owned());
    let outcome = Store::backup(data_dir, to.clone(), files, told).await;
    bar.finish_and_clear();
    let summary = outcome?;
    print(&sentence(&to.display().to_string(), &summary))
}

fn sentence(to: &str, summary: &BackupSummary) -> String {
    let BackupSummary { span_files, spans, span_bytes, linked, missing, .. } = summary;
    let mut text = format!(
        "backed up to {to}: {spans} spans in {span_files} files ({span_bytes} bytes, {linked} \
         linked), database {} bytes, log {} files ({} bytes)",
        summary.database_bytes, summary.wal_files, summary.wal_bytes
    );
    if *missing > 0 {
        text.push_str(&format!("; {missing} span files were missing from the original"));
    }
    text.push_str(&format!("\nto use it: hotspan serve --data-dir {to}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let whole = BackupSummary { span_files: 2, spans: 30, ..BackupSummary::default() };
        assert!(!sentence("x", &whole).contains("missing"));
        assert!(sentence("x", &whole).contains("30 spans in 2 files"));
        let holed = BackupSummary { missing: 3, ..whole };
        assert!(sentence("x", &holed).contains("3 span files were missing"));
    }
}
