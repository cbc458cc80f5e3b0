//! Tests of the encodings: what each undoes, refuses, and never produces.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1_000_000;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

fn raw_deflate(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

fn brotli_of(plain: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(plain).expect("writes to memory");
    encoder.into_inner()
}

fn zstd_of(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).expect("writes to memory")
}

type Compress = fn(&[u8]) -> Vec<u8>;

/// Every way to compress, with the encoding it goes by.
const COMPRESSORS: [(&str, Encoding, Compress); 5] = [
    ("gzip", Encoding::Gzip, gzip),
    ("zlib", Encoding::Deflate, zlib),
    ("raw deflate", Encoding::Deflate, raw_deflate),
    ("brotli", Encoding::Brotli, brotli_of),
    ("zstd", Encoding::Zstd, zstd_of),
];

#[test]
fn headers() {
    for (header, expected) in [
        ("", Ok(Encoding::Identity)),
        (" identity ", Ok(Encoding::Identity)),
        ("GZIP", Ok(Encoding::Gzip)),
        ("x-gzip", Ok(Encoding::Gzip)),
        ("deflate", Ok(Encoding::Deflate)),
        ("br", Ok(Encoding::Brotli)),
        ("zstd", Ok(Encoding::Zstd)),
        ("identity, gzip", Ok(Encoding::Gzip)),
        ("gzip, gzip", Err("gzip, gzip")),
        ("snappy", Err("snappy")),
        ("gzip;q=1", Err("gzip;q=1")),
    ] {
        let expected = expected.map_err(|name| EncodingError::Unknown(name.to_owned()));
        assert_eq!(Encoding::from_header(header), expected, "{header:?}");
    }
}

#[test]
fn magic() {
    assert_eq!(Encoding::of_magic(&gzip(b"x")), Encoding::Gzip);
    assert_eq!(Encoding::of_magic(&zstd_of(b"x")), Encoding::Zstd);
    assert_eq!(Encoding::of_magic(b"{}"), Encoding::Identity);
    assert_eq!(Encoding::of_magic(b""), Encoding::Identity);
}

#[test]
fn several_members_are_one_body() {
    for (compress, encoding) in [(gzip as Compress, Encoding::Gzip), (zstd_of, Encoding::Zstd)] {
        let body = [compress(b"one "), compress(b"two")].concat();
        let plain = decompress(body.into(), encoding, LIMIT);
        assert_eq!(plain.as_deref(), Ok(&b"one two"[..]), "{encoding:?}");
    }
}

#[test]
fn empty_bodies_are_empty() {
    for (name, encoding, compress) in COMPRESSORS {
        assert_eq!(decompress(Bytes::new(), encoding, LIMIT), Ok(Bytes::new()));
        let body = compress(b"");
        assert_eq!(decompress(body.into(), encoding, 0), Ok(Bytes::new()), "{name}");
    }
}

#[test]
fn cut_off_and_foreign_bodies_are_corrupt() {
    let plain: Vec<u8> = (0..5_000u32).flat_map(|n| (n * 7919).to_le_bytes()).collect();
    for (name, encoding, compress) in COMPRESSORS {
        let whole = compress(&plain);
        for length in [1, 2, whole.len() / 2, whole.len() - 1] {
            let cut = Bytes::copy_from_slice(&whole[..length]);
            let result = decompress(cut, encoding, LIMIT);
            let is_corrupt = matches!(result, Err(EncodingError::Corrupt { .. }));
            assert!(is_corrupt, "{name} cut to {length}: {result:?}");
        }
        let foreign = decompress(Bytes::from_static(b"{\"resourceSpans\":[]}"), encoding, LIMIT);
        assert!(matches!(foreign, Err(EncodingError::Corrupt { .. })), "{name}: {foreign:?}");
    }
}

#[test]
fn the_limit_is_exact() {
    let plain = vec![b'x'; 100_000];
    for (name, encoding, compress) in COMPRESSORS {
        let body = Bytes::from(compress(&plain));
        let fits = decompress(body.clone(), encoding, plain.len());
        assert_eq!(fits.map(|plain| plain.len()), Ok(100_000), "{name}");
        let too_large = decompress(body, encoding, plain.len() - 1);
        assert_eq!(too_large, Err(EncodingError::TooLarge { limit: 99_999 }), "{name}");
    }
    let plain = Bytes::from(plain);
    let too_large = decompress(plain.clone(), Encoding::Identity, 99_999);
    assert_eq!(too_large, Err(EncodingError::TooLarge { limit: 99_999 }));
    assert_eq!(decompress(plain.clone(), Encoding::Identity, 100_000), Ok(plain));
}

/// Sixteen mebibytes of zeros in each encoding.
#[test]
fn bombs_stop_at_the_limit_and_hold_no_more_than_it() {
    const MEBIBYTE: usize = 1 << 20;
    let zeros = vec![0; 16 * MEBIBYTE];
    for (name, encoding, compress) in COMPRESSORS {
        let bomb = compress(&zeros);
        assert!(bomb.len() < MEBIBYTE, "{name} is {} bytes", bomb.len());
        let mut output = Output::new(encoding, MEBIBYTE);
        let result = match encoding {
            Encoding::Gzip => output.read_all(flate2::read::MultiGzDecoder::new(&*bomb)),
            Encoding::Deflate => output.inflate(&bomb),
            Encoding::Brotli => output.read_all(brotli::Decompressor::new(&*bomb, CHUNK_BYTES)),
            _ => zstd_reader(&bomb, encoding).and_then(|reader| output.read_all(reader)),
        };
        assert_eq!(result, Err(EncodingError::TooLarge { limit: MEBIBYTE }), "{name}");
        assert!(output.bytes.capacity() <= MEBIBYTE, "{name}");
    }
}

/// A frame that demands a window of 128 MiB would make the decoder allocate it.
#[test]
fn zstd_windows_are_bounded() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("level is valid");
    encoder.window_log(27).expect("window is valid");
    encoder.write_all(&[7; 1_000]).expect("writes to memory");
    let body = encoder.finish().expect("writes to memory");
    let result = decompress(body.into(), Encoding::Zstd, LIMIT);
    assert!(matches!(result, Err(EncodingError::Corrupt { .. })), "{result:?}");
}

#[test]
fn raw_deflate_that_looks_like_zlib_is_read() {
    // A stored block whose padding bits make its first two bytes pass as zlib.
    let body = [0x78, 0x01, 0x00, 0xfe, 0xff, b'x', 0x01, 0x00, 0x00, 0xff, 0xff];
    assert!(looks_like_zlib(&body));
    let plain = decompress(Bytes::copy_from_slice(&body), Encoding::Deflate, LIMIT);
    assert_eq!(plain.as_deref(), Ok(&b"x"[..]));
}

proptest! {
    #[test]
    fn what_was_compressed_comes_back(plain in prop::collection::vec(any::<u8>(), 0..3_000)) {
        for (name, encoding, compress) in COMPRESSORS {
            let body = Bytes::from(compress(&plain));
            let back = decompress(body, encoding, plain.len());
            prop_assert_eq!(back.as_deref(), Ok(&plain[..]), "{}", name);
        }
    }

    #[test]
    fn no_body_exceeds_the_limit(
        seed in prop::collection::vec(any::<u8>(), 1..64),
        repeats in 1usize..500,
        flip in any::<(prop::sample::Index, u8)>(),
        limit in 0usize..10_000,
    ) {
        let plain = seed.repeat(repeats);
        for (name, encoding, compress) in COMPRESSORS {
            let mut body = compress(&plain);
            let at = flip.0.index(body.len());
            body[at] ^= flip.1;
            match decompress(body.into(), encoding, limit) {
                Ok(back) => prop_assert!(back.len() <= limit, "{}", name),
                Err(EncodingError::TooLarge { limit: told }) => prop_assert_eq!(told, limit),
                Err(EncodingError::Corrupt { .. }) => {}
                Err(error) => prop_assert!(false, "{}: {}", name, error),
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for (_, encoding, _) in COMPRESSORS {
            let _ = decompress(body.clone().into(), encoding, 4_096);
        }
    }
}
