//! What is read back from a log that something happened to.
//!
//! A log is written as text: a letter is a frame, `|` ends a group (one sync),
//! `/` ends a group and its file. What is read back is written the same way,
//! with `!` for an error.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use hotspan_model::UnixNanos;

use super::segment::SEGMENT_HEADER_LEN;
use super::*;
use crate::disk::sim::SimDisk;

/// A log in a temporary directory.
struct Log {
    dir: tempfile::TempDir,
    wal: Wal,
    /// Each frame's letter, file and place in it.
    places: Vec<(char, PathBuf, Range<usize>)>,
    ends: Vec<WalPosition>,
}

fn frame(letter: char) -> Frame {
    Frame {
        received_at: UnixNanos(1),
        door: FrameDoor::SentryEnvelope,
        project: "shop".to_owned(),
        content_type: String::new(),
        decoder_version: 3,
        rejected: vec![],
        body: letter.to_string().into(),
    }
}

impl Log {
    fn write(text: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let wal = Wal::new(Arc::new(SimDisk::new()), dir.path().to_owned());
        let mut log = Self { dir, wal, places: Vec::new(), ends: Vec::new() };
        for file in text.split('/') {
            // A file ends when the next is begun, which a full one brings about.
            let segment_bytes = if log.ends.is_empty() { u64::MAX } else { 1 };
            let mut groups = file.split('|');
            let first = groups.next().unwrap_or_default();
            log.append(first, segment_bytes);
            groups.for_each(|group| log.append(group, u64::MAX));
        }
        log
    }

    fn append(&mut self, letters: &str, segment_bytes: u64) {
        let mut writer = WalWriter::open(self.wal.clone(), WalPosition(0), segment_bytes)
            .expect("the log opens");
        let mut group: Vec<_> = letters
            .chars()
            .map(|letter| EncodedFrame::new(&frame(letter)).expect("small"))
            .collect();
        let ends = writer.write_group(&mut group).expect("the disk works");
        let file = self.wal.segments().expect("listed").last().expect("one is open").first;
        for ((letter, frame), end) in letters.chars().zip(&group).zip(&ends) {
            let end_in_file = (end.0 - file.0 + SEGMENT_HEADER_LEN) as usize;
            let place = end_in_file - frame.len()..end_in_file;
            self.places.push((letter, self.wal.path_of(file), place));
        }
        self.ends.extend(ends);
    }

    fn place_of(&self, letter: char) -> &(char, PathBuf, Range<usize>) {
        self.places.iter().find(|place| place.0 == letter).expect("the letter is in the log")
    }

    /// Opens the log as a start does and reads everything above `from`.
    fn read(&self, from: WalPosition) -> String {
        let writer = WalWriter::open(self.wal.clone(), from, u64::MAX).expect("the log opens");
        let letter = |item: Result<(WalPosition, Frame), StoreError>| match item {
            Ok((_, frame)) => String::from_utf8_lossy(&frame.body).into_owned(),
            Err(_) => "!".to_owned(),
        };
        self.wal.replay(from, writer.position()).map(letter).collect()
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).expect("the file is there");
    change(&mut bytes);
    std::fs::write(path, bytes).expect("the disk works");
}

/// What happens to a log between a stop and the next start.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Nothing,
    /// A bit of a frame changes.
    Flip(char),
    /// The file ends in the middle of a frame.
    Tear(char),
    /// The file ends in the middle of a frame, and zeros follow.
    TearWithZeros(char),
    /// The first byte of the file a frame is in changes.
    FlipHeaderOf(char),
    /// The file a frame is in is gone.
    Lose(char),
    /// A new file was being made: so many bytes of its header are there.
    HeaderCut(usize),
}

fn happen(log: &Log, happening: Happening) {
    match happening {
        Happening::Nothing => {}
        Happening::Flip(letter) => {
            let (_, path, place) = log.place_of(letter);
            edit(path, |bytes| bytes[place.start + 20] ^= 1);
        }
        Happening::Tear(letter) => {
            let (_, path, place) = log.place_of(letter);
            edit(path, |bytes| bytes.truncate(place.end - 1));
        }
        Happening::TearWithZeros(letter) => {
            let (_, path, place) = log.place_of(letter);
            edit(path, |bytes| bytes[place.start + 5..].fill(0));
        }
        Happening::FlipHeaderOf(letter) => edit(&log.place_of(letter).1, |bytes| bytes[0] ^= 1),
        Happening::Lose(letter) => {
            std::fs::remove_file(&log.place_of(letter).1).expect("the file is there");
        }
        Happening::HeaderCut(len) => {
            let end = *log.ends.last().expect("a frame");
            let header = &segment::header(end)[..len];
            std::fs::write(log.wal.path_of(end), header).expect("the disk works");
        }
    }
}

#[test]
fn what_is_read_back() {
    use Happening::*;
    for (text, happening, expected) in [
        ("ab|c/d|ef", Nothing, "abcdef"),
        // The group that was being written goes, and with it all of the group.
        ("ab|cd", Tear('d'), "abc"),
        ("ab|cd", Flip('c'), "ab"),
        ("ab|cd", TearWithZeros('c'), "ab"),
        ("a", Tear('a'), ""),
        ("ab/c", Tear('c'), "ab"),
        // What a later group proves to have been durable is damage.
        ("ab|cd", Flip('a'), "!bcd"),
        ("ab|cd", Flip('b'), "a!cd"),
        ("a|b|c", Flip('b'), "a!c"),
        ("abc/d", Flip('b'), "a!cd"),
        ("ab/c", Flip('b'), "a!c"),
        ("ab/c", Tear('b'), "a!c"),
        ("ab/c", FlipHeaderOf('a'), "!abc"),
        ("a/b/c", FlipHeaderOf('b'), "a!bc"),
        ("a/b/c", Lose('b'), "a!c"),
        ("a/b/c", Lose('a'), "!bc"),
        // A file that was never begun is as if it were not there.
        ("ab", HeaderCut(0), "ab"),
        ("ab", HeaderCut(23), "ab"),
        ("ab", HeaderCut(24), "ab"),
    ] {
        let mut log = Log::write(text);
        happen(&log, happening);
        assert_eq!(log.read(WalPosition(0)), expected, "{text} {happening:?}");
        log.append("z", u64::MAX);
        let longer = format!("{expected}z");
        assert_eq!(log.read(WalPosition(0)), longer, "{text} {happening:?}, then written to");
    }
}

#[test]
fn reading_begins_above_a_position() {
    let log = Log::write("ab|c/d|ef");
    for (covered, expected) in [("a", "bcdef"), ("c", "def"), ("d", "ef"), ("f", "")] {
        let nth = log.places.iter().position(|place| place.0.to_string() == covered);
        let from = log.ends[nth.expect("the letter is in the log")];
        assert_eq!(log.read(from), expected, "above {covered}");
        // Damage below it does not matter.
        let log = Log::write("ab|c/d|ef");
        happen(&log, Happening::Flip('a'));
        assert_eq!(log.read(from), expected, "above {covered}, {} damaged", 'a');
    }
}

#[test]
fn a_log_that_was_lost_goes_on_above_what_was_made_of_it() {
    let log = Log::write("ab");
    std::fs::remove_file(&log.place_of('a').1).expect("the file is there");
    let covered = log.ends[1];
    let mut writer = WalWriter::open(log.wal.clone(), covered, u64::MAX).expect("the log opens");
    assert_eq!(writer.position(), covered);
    let mut group = [EncodedFrame::new(&frame('c')).expect("small")];
    assert!(writer.write_group(&mut group).expect("the disk works")[0] > covered);
    assert_eq!(log.read(covered), "c");
}

#[test]
fn torn_at_every_byte_the_whole_frames_before_are_there() {
    let whole = Log::write("ab|cd");
    let len = std::fs::read(&whole.places[0].1).expect("the file is there").len();
    for cut in SEGMENT_HEADER_LEN as usize..len {
        let log = Log::write("ab|cd");
        edit(&log.places[0].1, |bytes| bytes.truncate(cut));
        let expected: String =
            log.places.iter().filter(|place| place.2.end <= cut).map(|place| place.0).collect();
        assert_eq!(log.read(WalPosition(0)), expected, "cut at {cut}");
    }
}

#[test]
fn flipped_at_every_byte_only_what_it_hits_is_missing() {
    let whole = Log::write("ab|cd|e");
    let (_, path, last) = whole.place_of('e');
    let bytes = std::fs::read(path).expect("the file is there");
    for at in SEGMENT_HEADER_LEN as usize..bytes.len() {
        std::fs::write(path, &bytes).expect("the disk works");
        edit(path, |bytes| bytes[at] ^= 0x10);
        let expected: String = whole
            .places
            .iter()
            .map(|(letter, _, place)| if place.contains(&at) { '!' } else { *letter })
            .collect();
        // The last group cannot be told from one that was being written.
        let expected = if last.contains(&at) { "abcd".to_owned() } else { expected };
        assert_eq!(whole.read(WalPosition(0)), expected, "byte {at}");
    }
}

#[test]
fn damage_is_named() {
    let log = Log::write("a|b");
    happen(&log, Happening::Flip('a'));
    let error = log
        .wal
        .replay(WalPosition(0), log.ends[1])
        .find_map(Result::err)
        .expect("the damage is seen")
        .to_string()
        .replace(&*log.dir.path().to_string_lossy(), "DIR");
    expect_test::expect![[
        r#"log file DIR/00000000000000000000.wal is damaged at byte 24: the frame's header does not match its checksum"#
    ]]
    .assert_eq(&error);
}

#[test]
fn only_files_that_are_covered_are_removed() {
    for (covered, left) in [(None, 3), (Some('a'), 3), (Some('b'), 2), (Some('e'), 1)] {
        let log = Log::write("ab/c|d/e");
        let nth = log.places.iter().position(|place| Some(place.0) == covered);
        let lowest = nth.map_or(WalPosition(0), |nth| log.ends[nth]);
        log.wal.reclaim(lowest).expect("the disk works");
        assert_eq!(log.wal.size().expect("listed").0, left, "covered to {covered:?}");
        let above: String =
            log.places[nth.map_or(0, |nth| nth + 1)..].iter().map(|p| p.0).collect();
        assert_eq!(log.read(lowest), above, "covered to {covered:?}");
    }
}
