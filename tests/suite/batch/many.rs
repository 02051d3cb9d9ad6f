//! Data in many files: the number of open files and the memory in use at a time.

use super::*;

/// Makes files with one sample each, alternating kinds of arrays: deflated, stored, in Fortran order.
fn many_files(count: usize) -> TempDir {
    let files: Vec<(String, Vec<u8>)> = (0..count)
        .map(|i| {
            let values = [i as f32, 1.0, 2.0, 3.0];
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            let array = npy_of("<f4", i % 3 == 2, &[1, 4], &bytes);
            (format!("{i:05}.npz"), npz(&[("x", array)], i % 3 != 1))
        })
        .collect();
    let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(name, bytes)| (&name[..], bytes.clone())).collect();
    folder(&files)
}

fn spec() -> TensorSpec {
    input("x", DataType::F32, &[0, 4])
}

/// Returns the number of files in the folder that this process has open.
#[cfg(target_os = "linux")]
fn open_in(folder: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links
        .filter_map(|link| std::fs::read_link(link.ok()?.path()).ok())
        .filter(|file| file.starts_with(folder))
        .count()
}

#[cfg(target_os = "linux")]
#[test]
fn one_file_is_open_at_a_time() {
    let folder = many_files(60);
    let paths = [folder.path().to_owned()];
    for size in [1, 7] {
        let mut source = batch::open(&paths, &[spec()], &sized(size)).unwrap();
        assert_eq!(open_in(folder.path()), 0);
        while source.next_batch().unwrap().is_some() {
            assert_eq!(open_in(folder.path()), 0, "each sample ends a file");
        }
    }
    // The file has two samples: it stays open after the first one, and it is closed after the second.
    std::fs::write(folder.path().join("00000.npz"), npz(&[("x", npy(&[2, 4], &ramp(8)))], true)).unwrap();
    let mut source = batch::open(&paths, &[spec()], &sized(1)).unwrap();
    for expected in [1, 0, 0] {
        source.next_batch().unwrap().unwrap();
        assert_eq!(open_in(folder.path()), expected);
    }
}

#[test]
fn more_files_than_a_process_may_usually_open_are_read_in_order() {
    let folder = many_files(1500);
    let batches = read(&[folder.path().to_owned()], &[spec()], &sized(100)).unwrap();
    let firsts: Vec<f32> = first_values(&batches).chunks(4).map(|sample| sample[0]).collect();
    assert_eq!(firsts, ramp(1500));
}

/// A file is read when its turn comes. Data that replaces other data of the same kind after `open` is either
/// read, or does not match the checksum.
#[test]
fn nothing_is_loaded_before_its_turn() {
    for (fortran, name) in [(false, "a.npy"), (true, "a.npy"), (false, "a.npz"), (true, "a.npz")] {
        let file = |values: [f32; 4]| {
            let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
            let array = npy_of("<f4", fortran, &[2, 2], &bytes);
            if name == "a.npz" { npz(&[("x", array)], false) } else { array }
        };
        let folder = folder(&[(name, file([0.0; 4]))]);
        let path = folder.path().join(name);
        let inputs = [input("x", DataType::F32, &[0, 2])];
        let mut source = batch::open(std::slice::from_ref(&path), &inputs, &sized(2)).unwrap();
        std::fs::write(&path, file([1.0, 2.0, 3.0, 4.0])).unwrap();
        let outcome = source.next_batch();
        if name == "a.npz" {
            // The checksum is the one of the old data.
            assert!(outcome.unwrap_err().message().contains("a.npz: array 'x'"), "{fortran}");
        } else {
            let expected = if fortran { [1.0, 3.0, 2.0, 4.0] } else { [1.0, 2.0, 3.0, 4.0] };
            assert_eq!(floats(&outcome.unwrap().unwrap().inputs[0].1), expected, "{fortran}");
        }
    }
}
