//! Ranges and calibration caches as files.

use qdq::emit::trt_cache::{Algorithm, Header};
use qdq::emit::{Cache, Ranges};
use qdq::error::ErrorKind;

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
    let cache = Cache::read(&path).unwrap();
    assert_eq!(cache.get("net/block: 1/out [2]"), Some(2.0 / 127.0));
    assert_eq!(cache.get("(Unnamed Layer* 64) [Shuffle]_output"), Some(0.0));
    cache.write(&path).unwrap();
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
    ranges.write(&json).unwrap();
    assert_eq!(Ranges::read(&json).unwrap(), ranges);
    let header = Header::new("10.3.0".parse().unwrap(), Algorithm::MinMaxCalibration);
    Cache::from_ranges(&ranges, header).write(&cache).unwrap();
    let text = std::fs::read_to_string(&cache).unwrap();
    assert!(text.starts_with("TRT-100300-MinMaxCalibration\ninput: 3c010204\nconv: 1: 3c88edf"), "{text}");
    let back = Cache::read(&cache).unwrap().to_ranges().unwrap();
    for (name, amax) in ranges.iter().filter(|(name, _)| *name != "dead") {
        assert!((back.get(name).unwrap() / amax - 1.0).abs() < 2e-7, "{name}");
    }
    // A range in which nothing was seen has the scale 1, so that no scale is ever zero.
    assert_eq!(back.get("dead"), Some(127.0));
}

#[test]
fn missing_files_are_named() {
    let path = std::path::Path::new("/nowhere/r.json");
    for error in [Ranges::read(path).unwrap_err(), Cache::read(path).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("/nowhere/r.json"), "{error}");
    }
}
