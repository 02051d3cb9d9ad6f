//! Ranges and calibration caches as files.

use qdq::emit::trt_cache::{Algorithm, Expected, Header};
use qdq::emit::{Cache, Ranges};
use qdq::error::ErrorKind;

use crate::environment::project;

#[test]
fn golden_cache_lines_survive_the_files_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calibration.cache");
    let text = "TRT-7000-EntropyCalibration2
data: 3c008912
conv1: 3c88edfc
pool1: 3c88edfc
prob: 3c010a14
net/block: 1/out [2]: 3c810204
(Unnamed Layer* 64) [Shuffle]_output: 0
";
    std::fs::write(&path, text).unwrap();
    let cache = Cache::load(&path).unwrap();
    assert_eq!(cache.get("net/block: 1/out [2]"), Some(2.0 / 127.0));
    assert_eq!(cache.get("(Unnamed Layer* 64) [Shuffle]_output"), Some(0.0));
    cache.save(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn ranges_go_into_a_cache_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let (json, cache) = (folder.path().join("r.json"), folder.path().join("r.cache"));
    let mut ranges = Ranges::new("max");
    for (name, amax) in [("input", 1.0), ("conv: 1", 2.12281), ("dead", 0.0)] {
        ranges.set(name, amax).unwrap();
    }
    ranges.save(&json).unwrap();
    assert_eq!(Ranges::load(&json).unwrap(), ranges);
    let header = Header::new("10.3.0".parse().unwrap(), Algorithm::MinMaxCalibration);
    Cache::from_ranges(&ranges, header).save(&cache).unwrap();
    let text = std::fs::read_to_string(&cache).unwrap();
    assert!(text.starts_with("TRT-100300-MinMaxCalibration\ninput: 3c010204\nconv: 1: 3c88edf"), "{text}");
    let back = Cache::load(&cache).unwrap().to_ranges().unwrap();
    for (name, amax) in ranges.iter().filter(|(name, _)| *name != "dead") {
        assert!((back.get(name).unwrap() / amax - 1.0).abs() < 2e-7, "{name}");
    }
    // A range without any value has the scale 1, so that no scale is ever zero.
    assert_eq!(back.get("dead"), Some(127.0));
}

#[test]
fn missing_files_are_named() {
    let path = std::path::Path::new("/nowhere/r.json");
    for error in [Ranges::load(path).unwrap_err(), Cache::load(path).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("/nowhere/r.json"), "{error}");
    }
}

/// Reads a case under `tests/data/cases`.
fn case(name: &str) -> Cache {
    Cache::load(&project("tests/data/cases").join(name)).unwrap()
}

#[test]
fn the_scale_of_the_largest_number_reads() {
    let ranges = case("flt_max_mask.cache").to_ranges().unwrap();
    assert_eq!(ranges.get("bias"), Some(f32::MAX));
    assert!(ranges.findings.is_empty(), "{:?}", ranges.findings);
    // The written scale does not overflow when 127 is dequantized.
    assert!((ranges.scale("bias").unwrap() * 127.0).is_finite());
}

#[test]
fn a_line_without_a_usable_scale_is_left_out_and_said() {
    let cache = case("inf_on_unneeded.cache");
    let ranges = cache.to_ranges().unwrap();
    assert_eq!((ranges.len(), cache.entries.len(), ranges.get("bias")), (7, 8, None));
    assert_eq!(ranges.findings.len(), 1);
    assert_eq!(ranges.findings[0].tensors, ["bias"]);
    assert!(ranges.findings[0].message.contains("infinite"), "{}", ranges.findings[0]);
    // The last of repeated lines counts, even if it is not usable.
    let text = b"TRT-8501-EntropyCalibration2\na: 3f800000\nb: 3f800000\na: 7fc00000\n";
    let ranges = Cache::parse(text, "c").unwrap().to_ranges().unwrap();
    assert_eq!((ranges.get("a"), ranges.get("b")), (None, Some(127.0)));
}

#[test]
fn texts_with_a_mark_are_read_and_utf16_is_named() {
    let (cache, json) = (
        "TRT-8501-EntropyCalibration2\na: 3f800000\n",
        r#"{"format": "qdq-ranges", "version": 1, "tensors": {"a": {"amax": 127}}}"#,
    );
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let read = Cache::parse(&marked(cache), "c").unwrap();
    assert!(Cache::is_one(&marked(cache)));
    assert_eq!(read.to_ranges().unwrap().get("a"), Some(127.0));
    assert_eq!(read.to_text().unwrap(), cache);
    let found = read.check(&Expected::default());
    assert!(found.iter().any(|finding| finding.message.contains("byte order mark")), "{found:?}");
    assert_eq!(Ranges::from_json(&marked(json), "r").unwrap().get("a"), Some(127.0));
    for mark in [&[0xfeff][..], &[]] {
        let wide = |text: &str| -> Vec<u16> { mark.iter().copied().chain(text.encode_utf16()).collect() };
        for swap in [false, true] {
            let bytes = |text: &str| -> Vec<u8> {
                wide(text)
                    .into_iter()
                    .flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() })
                    .collect()
            };
            for error in [
                Cache::parse(&bytes(cache), "f").unwrap_err(),
                Ranges::from_json(&bytes(json), "f").unwrap_err(),
            ] {
                assert_eq!(error.message(), "f: is a text in UTF-16");
                assert!(error.remedy().is_some_and(|remedy| remedy.contains("UTF-8")));
            }
        }
    }
}

#[test]
fn a_missing_header_is_called_so() {
    let text = b"a: 3f800000\nb: 3f800000\n";
    assert!(Cache::is_one(text) && Cache::is_one(b"a: 1\r\n") && !Cache::is_one(b"{\"a\": 1"));
    let error = Cache::parse(text, "c").unwrap_err();
    assert!(error.message().contains("header of the calibration cache is missing"), "{error}");
}

#[test]
fn a_converted_cache_says_what_is_wrong_with_it() {
    let text =
        b"TRT-8501-EntropyCalibration2\na: 42fe0000\nb: 42000000\nc: 7fc00000\nb: 42010000\nd: bf800000\n";
    let mut cache = Cache::parse(text, "c").unwrap();
    let header = |version: &str| Header::new(version.parse().unwrap(), Algorithm::default());
    assert_eq!(cache.convert(header("11.0.0")).unwrap_err().kind(), ErrorKind::Unsupported);
    let found = cache.convert(header("10.3.0")).unwrap();
    for part in ["NaN", "negative", "127/amax"] {
        assert!(found.iter().any(|finding| finding.message.contains(part)), "{part}: {found:?}");
    }
    assert_eq!(cache.entries.len(), 4, "repeats are gone");
}
