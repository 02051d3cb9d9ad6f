use proptest::prelude::*;

use super::*;
use crate::finding::Severity;

fn cache(lines: &str) -> Cache {
    Cache::parse(format!("TRT-8501-EntropyCalibration2\n{lines}").as_bytes(), "c").unwrap()
}

/// Lines of real caches, and their amax.
const GOLDEN: [(&str, &str, f32); 9] = [
    ("data: 3c008912", "data", 0.99634),
    ("conv1: 3c88edfc", "conv1", 2.12281),
    ("prob: 3c010a14", "prob", 1.00024),
    ("one: 3c010204", "one", 1.0),
    ("two: 3c810204", "two", 2.0),
    ("unit: 3f800000", "unit", 127.0),
    ("(Unnamed Layer* 64) [Shuffle]_output: 0", "(Unnamed Layer* 64) [Shuffle]_output", 0.0),
    ("model/a: b/c:0: 3f800000", "model/a: b/c:0", 127.0),
    ("x:: 3f800000", "x:", 127.0),
];

#[test]
fn golden_lines_read_and_write_exactly() {
    let mut text = String::from("TRT-7103-EntropyCalibration2\n");
    for (line, _, _) in GOLDEN {
        text += &format!("{line}\n");
    }
    let cache = Cache::parse(text.as_bytes(), "c").unwrap();
    let ranges = cache.to_ranges().unwrap();
    for (line, name, amax) in GOLDEN {
        let found = ranges.get(name).unwrap_or_else(|| panic!("{line}: no {name}"));
        assert!((found - amax).abs() < 5e-6 * amax.max(1.0), "{line}: {found}");
    }
    assert_eq!(cache.to_text().unwrap(), text);
}

#[test]
fn scales_of_ranges_have_the_documented_bits() {
    let mut ranges = Ranges::default();
    for (name, amax) in [("a", 1.0), ("b", 2.0), ("c", 127.0), ("dead", 0.0), ("tiny", 1e-30)] {
        ranges.set(name, amax).unwrap();
    }
    let header = Header::new("8.5.1".parse().unwrap(), Algorithm::default());
    let text = Cache::from_ranges(&ranges, header).to_text().unwrap();
    assert_eq!(
        text,
        "TRT-8501-EntropyCalibration2\na: 3c010204\nb: 3c810204\nc: 3f800000\ndead: 3f800000\ntiny: a238973\n"
    );
}

#[test]
fn lenient_where_nothing_can_be_misread() {
    let expected = cache("a: 3f800000\nb: 0\n");
    for lines in ["a: 3F800000\r\nb: 00000000\r\n", "a: 3f800000\nb: 0", "\na: 3f800000\n\n\nb: 0000\n\n"] {
        assert_eq!(cache(lines), expected, "{lines:?}");
    }
}

#[test]
fn damage_is_refused_with_its_line() {
    let entry = |line: &str| format!("TRT-8501-EntropyCalibration2\na: 1\n{line}\n").into_bytes();
    for (text, expected) in [
        (b"".to_vec(), "c: is empty"),
        (b"\xef\xbb\xbf \r\n".to_vec(), "c: is empty"),
        (b"input 1.0\n".to_vec(), "c:1: not the header of a TensorRT calibration cache: \"input 1.0\""),
        (entry("b"), "c:3: no ': ' between name and scale: \"b\""),
        (entry("b:1"), "c:3: no ': '"),
        (entry(": 1"), "c:3: no name"),
        (entry("b: "), "c:3: the scale is not 1 to 8 hexadecimal digits: \"b: \""),
        (entry("b: 123456789"), "c:3: the scale is not"),
        (entry("b: 0.0078"), "c:3: the scale is not"),
        (entry("b: +1"), "c:3: the scale is not"),
        (b"TRT-8501-EntropyCalibration2\na: 1\n\xff: 1".to_vec(), "c:3: not UTF-8"),
    ] {
        let error = Cache::parse(&text, "c").unwrap_err();
        assert!(error.message().starts_with(expected), "{error}\nexpected {expected}");
        assert!(error.remedy().is_some());
    }
}

#[test]
fn the_last_of_repeated_lines_counts() {
    let mut cache = cache("a: 3f800000\nb: 0\na: 40000000\n");
    assert_eq!(cache.get("a"), Some(2.0));
    assert_eq!(cache.to_ranges().unwrap().get("a"), Some(254.0));
    cache.remove_repeats();
    assert_eq!(cache.entries, [("a".to_owned(), 2.0), ("b".to_owned(), 0.0)]);
}

#[test]
fn unusable_scales_give_no_ranges() {
    for bits in ["7f800000", "7fc00000", "bf800000", "ff800000", "3c0102"] {
        let error = cache(&format!("conv: {bits}")).to_ranges().unwrap_err();
        assert!(error.message().contains("'conv'"), "{error}");
    }
}

#[test]
fn names_that_no_line_can_hold_are_refused() {
    for name in ["", "a\nb", "a\r"] {
        let mut cache = cache("");
        cache.entries.push((name.into(), 1.0));
        assert!(cache.to_text().is_err(), "{name:?}");
    }
}

/// A copy of a cache may stop anywhere. The rest of its last number is a number, too.
#[test]
fn a_scale_that_is_cut_off_is_seen_wherever_it_is_cut() {
    for whole in ["3c010204", "42fe0000", "33d6bf95"] {
        for digits in 1..=8 {
            let findings =
                cache(&format!("a: 3f800000\nb: {}", &whole[..digits])).check(&Expected::default());
            let seen: Vec<_> =
                findings.iter().map(|finding| (finding.severity, finding.tensors.as_slice())).collect();
            let b = ["b".to_owned()];
            let expected = match digits {
                8 => vec![],
                7 => vec![(Severity::Warning, &b[..])],
                _ => vec![(Severity::Error, &b[..])],
            };
            assert_eq!(seen, expected, "{digits} of {whole}");
        }
    }
}

fn found(cache: &Cache, expected: &Expected<'_>) -> Vec<(Severity, String, Vec<String>)> {
    let findings = cache.check(expected);
    assert!(findings.iter().all(|finding| !finding.remedy.is_empty()));
    findings.into_iter().map(|finding| (finding.severity, finding.message, finding.tensors)).collect()
}

fn has(found: &[(Severity, String, Vec<String>)], severity: Severity, part: &str, tensors: &[&str]) -> bool {
    found.iter().any(|(s, message, names)| *s == severity && message.contains(part) && names == tensors)
}

#[test]
fn check_reports_every_kind_of_scale() {
    let cache =
        cache("n: 7fc00000\ni: 7f800000\nm: ff800000\ns: bc010204\nz: 0\nok: 3c010204\nok: 3c010204\n");
    let found = found(&cache, &Expected::default());
    assert!(has(&found, Severity::Error, "NaN", &["n"]), "{found:?}");
    assert!(has(&found, Severity::Error, "infinite", &["i", "m"]), "{found:?}");
    assert!(has(&found, Severity::Error, "negative", &["s"]), "{found:?}");
    assert!(has(&found, Severity::Warning, "is 0", &["z"]), "{found:?}");
    assert!(has(&found, Severity::Warning, "repeated", &["ok"]), "{found:?}");
    assert_eq!(found.len(), 5);
    assert!(found.is_sorted_by_key(|(severity, _, _)| std::cmp::Reverse(*severity)));
}

#[test]
fn check_reports_scales_that_look_inverse() {
    type Scale = fn(f32) -> f32;
    let with = |amax: &[f32], scale: Scale| {
        let lines: Vec<_> =
            amax.iter().enumerate().map(|(at, &amax)| (at.to_string(), scale(amax))).collect();
        let header = Header::new(Version::DEFAULT, Algorithm::default());
        let cache = Cache { header, entries: lines, is_marked: false };
        has(&found(&cache, &Expected::default()), Severity::Warning, "127/amax", &[])
    };
    let (right, inverse): (Scale, Scale) = (|amax| amax / 127.0, |amax| 127.0 / amax);
    // An image network, a network with an attention mask, and a network with one layer.
    for amax in [
        &[2.64, 6.1, 14.0, 6.0, 3.3, 22.0, 1.0][..],
        &[1.0, 0.7, 31.0, 12.0, 9.0, 4.0, 5.0, 2.0, 8.0, 6.0, 3.0, 10000.0],
        &[1.0, 2.0],
    ] {
        assert!(with(amax, inverse), "{amax:?}");
        assert!(!with(amax, right), "{amax:?}");
    }
    // Pixels and sound in their stored form, with layers of their size behind them.
    for amax in [
        &[255.0, 1.0, 1.0][..],
        &[32767.0, 32767.0, 41000.0],
        &[32768.0, 65000.0, 8000.0, 900.0],
        &[8388607.0, 1e6, 1e7],
        &[30111.0, 41000.0, 52000.0, 800.0, 12.0, 1.0],
    ] {
        assert!(!with(amax, right), "{amax:?}");
    }
}

#[test]
fn check_compares_the_header() {
    let cache = cache("a: 3c010204\n");
    let wanted = |version: &str, algorithm| Expected {
        version: Some(version.parse().unwrap()),
        algorithm: Some(algorithm),
        activations: None,
    };
    assert_eq!(found(&cache, &wanted("8501", Algorithm::EntropyCalibration2)), []);
    let other = found(&cache, &wanted("10.3.0", Algorithm::MinMaxCalibration));
    assert!(has(&other, Severity::Error, "TensorRT 10.3.0 ignores it", &[]), "{other:?}");
    assert!(has(&other, Severity::Error, "MinMaxCalibration ignores it", &[]), "{other:?}");
    let strange = Cache::parse(b"TRT-8XXX-Whatever\na: 3c010204", "c").unwrap();
    let strange = found(&strange, &Expected::default());
    assert!(
        has(&strange, Severity::Error, "'8XXX'", &[]) && has(&strange, Severity::Error, "'Whatever'", &[])
    );
    let eleven = Cache::parse(b"TRT-110000-EntropyCalibration2\na: 3c010204", "c").unwrap();
    assert!(has(&found(&eleven, &Expected::default()), Severity::Error, "TensorRT 11.0.0 reads no", &[]));
}

#[test]
fn check_compares_the_names_with_a_model() {
    let activations: Vec<String> = ["input", "conv1", "prob"].map(Into::into).to_vec();
    let expected = Expected { activations: Some(&activations), ..Expected::default() };
    assert_eq!(found(&cache("input: 3c010204\nconv1: 3c010204\nprob: 3c010204\n"), &expected), []);
    let some = found(&cache("input: 3c010204\nold: 3c010204\n"), &expected);
    assert!(has(&some, Severity::Warning, "finds no scale", &["conv1", "prob"]), "{some:?}");
    assert!(has(&some, Severity::Note, "no effect", &["old"]), "{some:?}");
    let none = found(&cache("old: 3c010204\n"), &expected);
    assert!(has(&none, Severity::Error, "none of the cache's tensors", &["old"]), "{none:?}");
    assert!(has(&found(&cache(""), &expected), Severity::Error, "no tensors", &[]));
}

proptest! {
    #[test]
    fn any_cache_survives_the_file(
        entries in prop::collection::vec(("[^\r\n]{1,12}", any::<u32>()), 0..8),
    ) {
        let entries: Vec<_> = entries.into_iter().map(|(n, bits)| (n, f32::from_bits(bits))).collect();
        let header = Header::new(Version::DEFAULT, Algorithm::default());
        let text = Cache { header: header.clone(), entries: entries.clone(), is_marked: false }.to_text().unwrap();
        let read = Cache::parse(text.as_bytes(), "c").unwrap();
        prop_assert_eq!(&read.header, &header);
        prop_assert_eq!(read.to_text().unwrap(), text);
        prop_assert!(read.entries.iter().zip(&entries).all(|(a, b)| a.0 == b.0));
    }

    #[test]
    fn a_range_survives_the_cache_to_the_last_bit_but_one(bits in (127.0 * f32::MIN_POSITIVE).to_bits()..=f32::MAX.to_bits()) {
        let amax = f32::from_bits(bits);
        let mut ranges = Ranges::default();
        ranges.set("a", amax).unwrap();
        let cache = Cache::from_ranges(&ranges, Header::new(Version::DEFAULT, Algorithm::default()));
        let back = cache.to_ranges().unwrap().get("a").unwrap();
        prop_assert!(back.to_bits().abs_diff(bits) <= 1, "{} became {}", amax, back);
    }

    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(cache) = Cache::parse(&bytes, "c") {
            cache.check(&Expected::default());
        }
    }

    #[test]
    fn random_lines_never_panic(lines in prop::collection::vec("(TRT-|[a: ]|[0-9a-f]|\\PC){0,12}", 0..6)) {
        if let Ok(cache) = Cache::parse(format!("TRT-1-A\n{}", lines.join("\n")).as_bytes(), "c") {
            cache.check(&Expected::default());
        }
    }
}
