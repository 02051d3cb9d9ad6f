//! Whole feeds: inputs without samples along their first axis.

use super::*;
use qdq::batch::{BatchSource as _, Feeds};
use qdq::error::ErrorKind;

/// Returns an input whose dimensions are sizes, names, or `?`.
fn named(name: &str, dims: &[&str]) -> TensorSpec {
    let dim = |text: &&str| match text.parse() {
        Ok(size) => Dim::Fixed(size),
        Err(_) if *text == "?" => Dim::Unknown,
        Err(_) => Dim::Named((*text).to_owned()),
    };
    let shape = Some(dims.iter().map(dim).collect());
    TensorSpec { name: name.to_owned(), dtype: Some(DataType::F32), shape }
}

fn array(shape: &[usize]) -> Vec<u8> {
    npy(shape, &ramp(shape.iter().product()))
}

/// Makes `count` files, each with these arrays.
fn files(count: usize, arrays: &[(&str, &[usize])]) -> TempDir {
    let arrays: Vec<_> = arrays.iter().map(|(name, shape)| (*name, array(shape))).collect();
    let names: Vec<String> = (0..count).map(|index| format!("{index:03}.npz")).collect();
    folder(&names.iter().map(|name| (name.as_str(), npz(&arrays, true))).collect::<Vec<_>>())
}

fn feeds(feeds: Feeds) -> DataOptions {
    DataOptions { feeds, ..DataOptions::default() }
}

/// The shapes of each input in each batch, the number of samples of all batches, and the messages.
type Found = (Vec<Vec<Vec<usize>>>, usize, Vec<String>);

fn read_all(path: &Path, inputs: &[TensorSpec], options: &DataOptions) -> Result<Found> {
    let mut source = batch::open(&[path.to_owned()], inputs, options)?;
    let (mut shapes, mut samples) = (Vec::new(), 0);
    while let Some(batch) = source.next_batch()? {
        shapes.push(batch.inputs.iter().map(|(_, tensor)| tensor.shape().to_vec()).collect());
        samples += batch.samples;
    }
    Ok((shapes, samples, source.findings().iter().map(ToString::to_string).collect()))
}

#[test]
fn a_folder_holds_one_feed_a_file() {
    // The state of a voice activity detector has its batch on the second axis.
    let detector = || [named("input", &["batch", "sequence"]), named("state", &["2", "batch", "128"])];
    let single = files(16, &[("input", &[1, 576]), ("state", &[2, 1, 128])]);
    let (shapes, samples, said) = read_all(single.path(), &detector(), &DataOptions::default()).unwrap();
    assert_eq!((shapes.len(), samples, said), (16, 16, Vec::new()));
    assert_eq!(shapes[15], [vec![1, 576], vec![2, 1, 128]]);
    let several = files(3, &[("input", &[4, 576]), ("state", &[2, 4, 128])]);
    let (shapes, samples, _) = read_all(several.path(), &detector(), &DataOptions::default()).unwrap();
    assert_eq!((shapes.len(), samples), (3, 12));
    // The names do not help here. The number of arrays does.
    let open = [named("input", &["?", "?"]), named("state", &["2", "?", "128"])];
    let (shapes, samples, said) = read_all(single.path(), &open, &DataOptions::default()).unwrap();
    assert_eq!((shapes.len(), samples), (16, 16));
    assert!(said[0].contains("taken for 16 whole feeds") && said[0].contains("set feeds to"), "{said:?}");
    // Scalars.
    let scalar = [named("x", &["N", "8"]), named("rate", &[])];
    let fed = files(2, &[("x", &[1, 8]), ("rate", &[])]);
    let (shapes, ..) = read_all(fed.path(), &scalar, &DataOptions::default()).unwrap();
    assert_eq!(shapes, [[vec![1, 8], vec![]], [vec![1, 8], vec![]]]);
    let limited = DataOptions { limit: Some(5), seed: Some(1), ..DataOptions::default() };
    assert_eq!(read_all(single.path(), &detector(), &limited).unwrap().0.len(), 5);
}

#[test]
fn one_file_holds_all_feeds_along_one_more_axis() {
    let inputs = [named("x", &["1", "8"]), named("scales", &["3"]), named("rate", &[])];
    let all = files(1, &[("x", &[16, 8]), ("scales", &[16, 3]), ("rate", &[16])]);
    let mut source = batch::open(&[all.path().to_owned()], &inputs, &DataOptions::default()).unwrap();
    let mut last = Vec::new();
    for _ in 0..16 {
        last = source.next_batch().unwrap().unwrap().inputs;
    }
    assert!(source.next_batch().unwrap().is_none());
    let values: Vec<(&[usize], &[f32])> =
        last.iter().map(|(_, tensor)| (tensor.shape(), floats(tensor))).collect();
    assert_eq!(values[0], (&[1, 8][..], &ramp(128)[120..]));
    assert_eq!(values[1], (&[3][..], &[45.0, 46.0, 47.0][..]));
    assert_eq!(values[2], (&[][..], &[15.0][..]));
    // Separate files, and raw numbers.
    let apart = folder(&[
        ("x.npy", array(&[4, 8])),
        ("state.npy", array(&[4, 2, 1, 3])),
        ("rate.bin", ramp(4).iter().flat_map(|x| x.to_le_bytes()).collect()),
    ]);
    let inputs = [named("x", &["N", "8"]), named("state", &["2", "N", "3"]), named("rate", &[])];
    let (shapes, samples, _) = read_all(apart.path(), &inputs, &DataOptions::default()).unwrap();
    assert_eq!((shapes.len(), samples, &shapes[3]), (4, 4, &vec![vec![1, 8], vec![2, 1, 3], vec![]]));
}

#[test]
fn a_sequence_is_not_cut_into_steps() {
    let steps = [named("x", &["T", "1", "8"])];
    let file = files(1, &[("x", &[60, 1, 8])]);
    let (shapes, samples, said) = read_all(file.path(), &steps, &DataOptions::default()).unwrap();
    assert_eq!((shapes, samples), (vec![vec![vec![60, 1, 8]]], 1));
    assert!(said[0].contains("'x' [T, 1, 8]") && said[0].contains("set feeds to samples"), "{said:?}");
    assert_eq!(read_all(file.path(), &steps, &feeds(Feeds::Samples)).unwrap().0.len(), 60);
    // If no name decides, a message reports the choice.
    let open = [named("x", &["?", "1", "8"])];
    let (shapes, _, said) = read_all(file.path(), &open, &DataOptions::default()).unwrap();
    assert_eq!(shapes.len(), 60);
    assert!(said[0].contains("taken for the samples") && said[0].contains("set feeds to whole"), "{said:?}");
    let (shapes, samples, said) = read_all(file.path(), &open, &feeds(Feeds::Whole)).unwrap();
    assert_eq!((shapes.len(), samples, said.len()), (1, 60, 0));
}

#[test]
fn an_axis_of_length_0_is_no_lack_of_samples() {
    let inputs = [named("x", &["N", "S", "8"]), named("past", &["N", "P", "8"])];
    let file = files(1, &[("x", &[16, 3, 8]), ("past", &[16, 0, 8])]);
    let (shapes, samples, said) = read_all(file.path(), &inputs, &DataOptions::default()).unwrap();
    assert_eq!((shapes.len(), samples, said.len()), (16, 16, 0));
    assert_eq!(shapes[0], [vec![1, 3, 8], vec![1, 0, 8]]);
    let tensor = |shape: &[usize]| Tensor::new(shape.to_vec(), ramp(shape.iter().product())).unwrap();
    let given = || vec![("x".to_owned(), tensor(&[2, 3, 8])), ("past".to_owned(), tensor(&[2, 0, 8]))];
    let batch = batch::from_fn(&inputs, || Ok(Some(given()))).next_batch().unwrap().unwrap();
    assert_eq!(batch.samples, 2);
}

#[test]
fn data_that_contradicts_itself_is_not_taken_for_feeds() {
    let pair = [named("ids", &["batch", "seq"]), named("mask", &["batch", "seq"])];
    let uneven = files(1, &[("ids", &[16, 8]), ("mask", &[15, 8])]);
    let open = [named("ids", &["?", "?"]), named("mask", &["?", "?"])];
    for inputs in [&pair, &open] {
        let error = read_all(uneven.path(), inputs, &DataOptions::default()).unwrap_err();
        assert!(error.message().contains("'ids' has 16 samples, but input 'mask' has 15"), "{error}");
    }
    let detector = [named("input", &["batch", "sequence"]), named("state", &["2", "batch", "128"])];
    let wrong = files(2, &[("input", &[1, 576]), ("state", &[3, 1, 128])]);
    let error = read_all(wrong.path(), &detector, &DataOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape, "{error}");
    assert!(
        error.message().contains("array 'state'") && error.message().contains("[2, batch, 128]"),
        "{error}"
    );
    assert!(error.remedy().is_some_and(|remedy| remedy.contains("folder of .npz")), "{error}");
    let single = files(2, &[("input", &[1, 576]), ("state", &[2, 1, 128])]);
    let error = read_all(single.path(), &detector, &sized(4)).unwrap_err();
    assert!(error.message().contains("a batch size of 4"), "{error}");
}

#[test]
fn files_that_hold_no_numbers_name_a_way() {
    let pointer = || b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec();
    let objects = npy_of("|O", false, &[2], b"\x80\x04N.");
    for (name, bytes, kind, message, remedy) in [
        ("a.npz", pointer(), ErrorKind::Format, "a.npz: is a pointer of Git LFS", "git lfs pull"),
        ("a.npy", pointer(), ErrorKind::Format, "a.npy: is a pointer of Git LFS", "git lfs pull"),
        ("a.bin", pointer(), ErrorKind::Format, "a.bin: is a pointer of Git LFS", "git lfs pull"),
        ("a.npy", objects, ErrorKind::Unsupported, "a.npy: holds Python objects", "numpy.stack"),
    ] {
        let error = read_one(name, bytes, &[named("x", &["N", "8"])], &DataOptions::default()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.remedy().is_some_and(|given| given.contains(remedy)), "{error}");
    }
    let folder = folder(&[("labels.npy", pointer())]);
    let error = batch::read_npy(&folder.path().join("labels.npy")).unwrap_err();
    assert!(error.message().contains("Git LFS"), "{error}");
}
