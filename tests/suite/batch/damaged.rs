//! Damaged files: they give an error that names the file, never a panic, excessive memory or invented data.

use super::images::{jpeg, png};
use super::*;
use proptest::prelude::*;
use qdq::error::ErrorKind;

fn specs() -> (TensorSpec, TensorSpec) {
    (input("x", DataType::F32, &[0, 3]), input("x", DataType::F32, &[0, 3, 8, 8]))
}

/// Returns a file of each format with its input.
fn whole_files() -> Vec<(&'static str, Vec<u8>, TensorSpec)> {
    let array = npy(&[40, 3], &ramp(120));
    let (vectors, images) = specs();
    let noise: Vec<u8> = (0..16 * 16 * 3u32).map(|x| (x * x * 31 % 251) as u8).collect();
    vec![
        ("stored.npz", npz(&[("x", array.clone())], false), vectors.clone()),
        ("deflated.npz", npz(&[("x", array.clone())], true), vectors.clone()),
        ("a.npy", array, vectors),
        ("a.png", png(16, 16, &noise), images.clone()),
        ("a.jpg", jpeg(16, 16, [200, 100, 50]), images),
    ]
}

#[test]
fn empty_and_cut_off_files_are_named() {
    for (name, bytes, spec) in whole_files() {
        for length in [0, 1, 9, bytes.len() / 2, bytes.len() - 1] {
            let cut = bytes[..length].to_vec();
            // The last bytes of a PNG are a checksum after the pixels.
            if name == "a.png" && length == bytes.len() - 1 {
                continue;
            }
            let error =
                read_one(name, cut, std::slice::from_ref(&spec), &DataOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format, "{name} {length}: {error}");
            assert!(error.message().contains(name), "{name} {length}: {error}");
        }
    }
}

#[test]
fn headers_that_claim_too_much_are_refused_before_memory_is_taken() {
    let (vectors, _) = specs();
    let data = [0; 12];
    let huge = usize::MAX / 8;
    for shape in [&[1 << 40, 3][..], &[huge, 3], &[huge, huge], &[2, 3]] {
        for (name, bytes) in [
            ("a.npy", npy_of("<f4", false, shape, &data)),
            ("a.npz", npz(&[("x", npy_of("<f4", true, shape, &data))], false)),
            ("b.npz", npz(&[("x", npy_of("<f4", false, shape, &data))], true)),
        ] {
            let error =
                read_one(name, bytes, std::slice::from_ref(&vectors), &DataOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format, "{name} {shape:?}: {error}");
            assert!(error.message().contains(name), "{error}");
        }
    }
    let long_header = [b"\x93NUMPY\x02\x00", &u32::MAX.to_le_bytes()[..], b"{"].concat();
    let error = read_one("a.npy", long_header, &[vectors], &DataOptions::default()).unwrap_err();
    assert!(error.message().contains("header of 4294967295 bytes"), "{error}");
}

#[test]
fn no_header_text_is_misread() {
    let (vectors, _) = specs();
    let start = |text: &str| {
        let length = u16::try_from(text.len()).unwrap();
        [b"\x93NUMPY\x01\x00", &length.to_le_bytes()[..], text.as_bytes(), &[0; 12]].concat()
    };
    for text in [
        "",
        "{}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3)",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f4', 'fortran_order': False, 'extra': (1, 3)}",
        "{'descr': é, 'fortran_order': False, 'shape': (1, 3)}",
    ] {
        let error = read_one("a.npy", start(text), std::slice::from_ref(&vectors), &DataOptions::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format, "{text}: {error}");
    }
    for text in [
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '', 'fortran_order': False, 'shape': (1, 3)}",
        "{'descr': 'é4', 'fortran_order': False, 'shape': (1, 3)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1, 3)}",
    ] {
        let error = read_one("a.npy", start(text), std::slice::from_ref(&vectors), &DataOptions::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{text}: {error}");
    }
}

/// A flipped bit in the data of an archive's entry, which no length and no header reveals.
#[test]
fn one_wrong_bit_in_an_archive_is_found() {
    let (vectors, _) = specs();
    // The values are irregular, so that the deflated data is as long as they are.
    let values: Vec<f32> =
        (0..300u32).map(|x| f32::from_bits(0x3f80_0000 | x.wrapping_mul(0x9e37_79b9) >> 9)).collect();
    let array = npy(&[100, 3], &values);
    let fortran = npy_of("<f4", true, &[100, 3], &array[array.len() - 1200..]);
    for (deflated, array) in [(false, &array), (true, &array), (false, &fortran), (true, &fortran)] {
        let whole = npz(&[("other", npy(&[1], &[0.0])), ("x", array.clone())], deflated);
        let batches = read_one("a.npz", whole.clone(), std::slice::from_ref(&vectors), &sized(7)).unwrap();
        assert_eq!(batches.len(), 15);
        for at in [whole.len() / 3, whole.len() / 2, whole.len() * 3 / 4] {
            for bit in [0, 3, 7] {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                let error = read_one("a.npz", bytes, std::slice::from_ref(&vectors), &sized(7)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Format, "{deflated} {at} {bit}: {error}");
                assert!(error.message().contains("a.npz: array 'x': damaged"), "{error}");
            }
        }
    }
}

/// Only damage in the data that is read matters, and only as far as the checksum can find it.
#[test]
fn a_wrong_bit_after_the_last_sample_that_is_used_does_no_harm() {
    let (vectors, _) = specs();
    let mut bytes = npz(&[("x", npy(&[100, 3], &ramp(300)))], false);
    let last = bytes.windows(4).rposition(|bytes| bytes == 299.0f32.to_le_bytes()).unwrap();
    bytes[last] ^= 1;
    let first_ten = DataOptions { limit: Some(10), ..DataOptions::default() };
    let batches = read_one("a.npz", bytes.clone(), std::slice::from_ref(&vectors), &first_ten).unwrap();
    assert_eq!(first_values(&batches), ramp(30));
    assert!(read_one("a.npz", bytes, &[vectors], &DataOptions::default()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// For all bytes, reading ends with batches or an error.
    #[test]
    fn changed_bytes_never_panic(
        file in 0..5usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let (name, mut bytes, spec) = whole_files().swap_remove(file);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(batches) = read_one(name, bytes, &[spec], &sized(7)) {
            prop_assert!(batches.iter().all(|batch| batch.samples > 0));
        }
    }
}
