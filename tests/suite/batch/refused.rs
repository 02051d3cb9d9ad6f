//! Refused data and options: the message names the file, the array and both sides, and the remedy helps.

use super::*;
use qdq::batch::BatchSource as _;
use qdq::error::{Error, ErrorKind};

/// Kind, parts of the message, part of the remedy.
type Expected<'a> = (ErrorKind, &'a [&'a str], &'a str);

fn assert_refused(error: &Error, (kind, parts, remedy): Expected<'_>) {
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "'{part}' is not in: {error}");
    }
    let given = error.remedy().unwrap_or_default();
    assert!(given.contains(remedy), "'{remedy}' is not in: {given}");
}

#[test]
fn files_that_do_not_fit_the_model() {
    let x = || input("x", DataType::F32, &[0, 3]);
    let ids = || input("x", DataType::I32, &[0, 1]);
    let large = || npy_of("<i8", false, &[1, 1], &(1i64 << 40).to_le_bytes());
    let half = || input("x", DataType::F16, &[0, 3]);
    let brain = || input("x", DataType::Bf16, &[0, 3]);
    let cases: [(&str, Vec<u8>, TensorSpec, Expected<'_>); 17] = [
        (
            "a.npz",
            npz(&[("p", npy(&[1, 3], &ramp(3))), ("q", npy(&[1], &ramp(1)))], false),
            x(),
            (ErrorKind::Data, &["a.npz", "no array 'x'", "'p', 'q'"], "numpy.savez"),
        ),
        ("a.npz", npz(&[], false), x(), (ErrorKind::Data, &["a.npz", "no array 'x'", "empty"], "numpy")),
        (
            "a.npy",
            npy(&[1, 4], &ramp(4)),
            x(),
            (ErrorKind::Shape, &["a.npy", "[1, 4]", "'x' is [?, 3]"], "first axis"),
        ),
        (
            "a.npy",
            npy(&[1, 1, 1, 3], &ramp(3)),
            x(),
            (ErrorKind::Shape, &["a.npy", "[1, 1, 1, 3]", "'x' is [?, 3]"], "first axis"),
        ),
        (
            "a.npz",
            npz(&[("x", npy(&[3, 1], &ramp(3)))], true),
            x(),
            (ErrorKind::Shape, &["a.npz: array 'x'", "[3, 1]", "[?, 3]"], "first axis"),
        ),
        (
            "a.npy",
            npy(&[0, 3], &[]),
            x(),
            (ErrorKind::Data, &["a.npy", "[0, 3]", "no samples"], "one sample"),
        ),
        (
            "a.npy",
            npy(&[1, 3], &[1.0, 65520.0, 0.0]),
            half(),
            (ErrorKind::Type, &["a.npy", "f32 values that f16 cannot hold"], "convert it to f16"),
        ),
        (
            "a.npy",
            npy(&[1, 3], &[f32::MAX, 0.0, 0.0]),
            brain(),
            (ErrorKind::Type, &["a.npy", "f32 values that bf16"], "array.astype(ml_dtypes.bfloat16)"),
        ),
        (
            "a.npy",
            npy_of("<V2", false, &[1, 3], &[0x7f; 6]),
            half(),
            (ErrorKind::Type, &["a.npy", "bf16 values that f16 cannot hold"], "convert it to f16"),
        ),
        // Many types have one byte, and ml_dtypes writes only the size.
        (
            "a.npy",
            npy_of("|V1", false, &[1, 3], &[0; 3]),
            x(),
            (ErrorKind::Unsupported, &["a.npy", "|V1"], "float32"),
        ),
        (
            "a.npy",
            npy(&[1, 1], &ramp(1)),
            ids(),
            (ErrorKind::Type, &["a.npy", "f32", "i32"], "convert it to i32"),
        ),
        ("a.npy", large(), ids(), (ErrorKind::Type, &["a.npy", "i64 values", "i32"], "convert it to i32")),
        (
            "a.npy",
            npy_of("<c8", false, &[1], &[0; 8]),
            x(),
            (ErrorKind::Unsupported, &["a.npy", "<c8"], "float32"),
        ),
        ("a.bin", vec![0; 13], x(), (ErrorKind::Format, &["a.bin", "13 bytes", "12"], "whole samples")),
        ("a.bin", Vec::new(), x(), (ErrorKind::Format, &["a.bin", "0 bytes"], "whole samples")),
        (
            "a.bin",
            vec![0; 12],
            input("x", DataType::F32, &[0, 0]),
            (ErrorKind::InvalidArgument, &["a.bin", "[?, ?]"], "f32:3x224x224"),
        ),
        ("a.txt", vec![0], x(), (ErrorKind::Unsupported, &["a.txt"], ".npz")),
    ];
    for (name, bytes, spec, expected) in cases {
        let error = read_one(name, bytes, &[spec], &DataOptions::default()).unwrap_err();
        assert_refused(&error, expected);
    }
}

#[test]
fn paths_and_options_that_make_no_sense() {
    let folder = folder(&[("x.npy", npy(&[2, 3], &ramp(6))), ("mask.npy", npy(&[3], &ramp(3)))]);
    let empty = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let x = || input("x", DataType::F32, &[0, 3]);
    let mask = || input("mask", DataType::F32, &[0]);
    let none = DataOptions::default;
    let zero = DataOptions { limit: Some(0), ..none() };
    let raw = DataOptions { raw: Some("f32:4".parse().unwrap()), ..none() };
    let wrong_name = PathBuf::from(format!("y={}", at("x.npy").display()));
    let cases: [(Vec<PathBuf>, Vec<TensorSpec>, DataOptions, Expected<'_>); 11] = [
        (vec![at("no.npy")], vec![x()], none(), (ErrorKind::Io, &["no.npy"], "exists")),
        (vec![empty.path().into()], vec![x()], none(), (ErrorKind::Data, &["no data files"], ".npz")),
        (vec![], vec![x()], none(), (ErrorKind::Data, &["no data for input 'x'"], "x=PATH")),
        (vec![at("x.npy")], vec![], none(), (ErrorKind::Unsupported, &["no inputs"], "")),
        (vec![wrong_name], vec![x()], none(), (ErrorKind::InvalidArgument, &["no input 'y'"], "'x'")),
        (vec![at("x.npy")], vec![x(), mask()], none(), (ErrorKind::Data, &["input 'mask'"], "mask=PATH")),
        (
            vec![at("x.npy"), at("mask.npy")],
            vec![x(), mask()],
            none(),
            (ErrorKind::Data, &["'x' has 2 samples", "'mask' has 3"], "as many"),
        ),
        (
            vec![at("x.npy")],
            vec![input("a", DataType::F32, &[0, 3]), mask()],
            none(),
            (ErrorKind::Data, &["x.npy", "'a', 'mask'"], "NAME=PATH"),
        ),
        (vec![at("x.npy")], vec![x()], zero, (ErrorKind::InvalidArgument, &["limit of 0"], "at least 1")),
        (
            vec![at("x.npy")],
            vec![x()],
            sized(0),
            (ErrorKind::InvalidArgument, &["batch size of 0"], "at least 1"),
        ),
        (
            vec![at("x.npy")],
            vec![input("x", DataType::F32, &[2, 3])],
            DataOptions { batch_size: Some(4), ..raw },
            (ErrorKind::InvalidArgument, &["batch size 4", "fixed at 2"], "dynamic"),
        ),
    ];
    for (paths, inputs, options, expected) in cases {
        assert_refused(&read(&paths, &inputs, &options).unwrap_err(), expected);
    }
}

#[test]
fn a_scalar_is_no_row_of_samples() {
    let inputs = [input("x", DataType::F32, &[0, 3]), input("rate", DataType::I64, &[])];
    let options = DataOptions { feeds: batch::Feeds::Samples, ..DataOptions::default() };
    let error = read(&[digits("calib.npz")], &inputs, &options).unwrap_err();
    let parts: &[&str] = &["'rate' is a scalar", "no axis for samples"];
    assert_refused(&error, (ErrorKind::InvalidArgument, parts, "fix the input"));
    assert_refused(&error, (ErrorKind::InvalidArgument, parts, "set feeds to whole"));
}

#[test]
fn options_for_files_that_are_not_there_are_said() {
    let files = folder(&[("a.npy", npy(&[1, 3, 2, 2], &ramp(12))), ("a.bin", vec![0; 48])]);
    image::RgbImage::new(2, 2).save(files.path().join("a.png")).unwrap();
    let inputs = [input("x", DataType::F32, &[0, 3, 2, 2])];
    let said = |file: &str, options: &DataOptions| -> Vec<String> {
        let source = batch::open(&[files.path().join(file)], &inputs, options).unwrap();
        source.findings().iter().map(ToString::to_string).collect()
    };
    let raw = || DataOptions { raw: Some("f32:3x2x2".parse().unwrap()), ..DataOptions::default() };
    let with = |change: &dyn Fn(&mut batch::ImageOptions)| {
        let mut options = DataOptions::default();
        change(&mut options.image);
        options
    };
    let cases: [(&str, DataOptions, &[&str]); 9] = [
        ("a.npy", DataOptions::default(), &[]),
        ("a.npy", raw(), &["no raw file"]),
        ("a.bin", raw(), &[]),
        ("a.png", raw(), &["no raw file"]),
        ("a.npy", with(&|image| image.scale = 1.0), &["change nothing: scale;"]),
        (
            "a.bin",
            with(&|image| (image.mean, image.resize) = (vec![0.5], batch::Resize::Crop)),
            &["change nothing: resize, mean;"],
        ),
        ("a.png", with(&|image| image.scale = 1.0), &[]),
        ("a.png", with(&|image| image.fill = 0), &["nothing around images is filled"]),
        ("a.png", with(&|image| (image.fill, image.resize) = (0, batch::Resize::Letterbox)), &[]),
    ];
    for (file, options, expected) in cases {
        let found = said(file, &options);
        assert_eq!(found.len(), expected.len(), "{file}: {found:?}");
        assert!(found.iter().zip(expected).all(|(found, part)| found.contains(part)), "{file}: {found:?}");
    }
}

#[test]
fn files_that_leave_open_which_input_they_feed() {
    let arrays = |name| npz(&[(name, npy(&[2, 3], &ramp(6)))], false);
    let folder = folder(&[
        ("a.npz", arrays("arr_0")),
        ("b.npz", arrays("arr_0")),
        ("data/labels.npy", npy(&[2], &ramp(2))),
        ("data/x.npy", npy(&[2, 3], &ramp(6))),
    ]);
    let at = |name: &str| folder.path().join(name);
    let inputs = ["x", "y"].map(|name| input(name, DataType::F32, &[0, 3]));
    let none = DataOptions::default;
    let error = read(&[at("a.npz"), at("b.npz")], &inputs, &none()).unwrap_err();
    assert_refused(&error, (ErrorKind::Data, &["a.npz", "no array 'x'", "'arr_0'"], "x=PATH y=PATH"));
    let named = [("x", "a.npz"), ("y", "b.npz")];
    let named = named.map(|(name, file)| PathBuf::from(format!("{name}={}", at(file).display())));
    assert!(read(&named, &inputs, &none()).is_ok());
    let error = read(&[at("a.npz")], &inputs[..1], &none()).unwrap_err();
    assert!(!error.remedy().unwrap_or_default().contains("PATH"), "{error}");

    // A folder's file is left out only if every input has its data.
    let error = read(&[at("data")], &inputs, &none()).unwrap_err();
    assert_refused(&error, (ErrorKind::Data, &["labels.npy", "'x', 'y'"], "NAME=PATH"));
    // A file that is given by its own name must be used.
    let error = read(&[at("data"), at("data/labels.npy")], &inputs, &none()).unwrap_err();
    assert_refused(&error, (ErrorKind::Data, &["labels.npy", "'x', 'y'"], "NAME=PATH"));
}

#[test]
fn folders_whose_files_contradict_each_other() {
    let shorter = folder(&[("1.npy", npy(&[1, 2], &ramp(2))), ("2.npy", npy(&[1, 4], &ramp(4)))]);
    let inputs = [input("x", DataType::F32, &[0, 0])];
    let error = read(&[shorter.path().into()], &inputs, &sized(2)).unwrap_err();
    assert_refused(&error, (ErrorKind::Shape, &["1.npy", "[2]", "2.npy", "[4]"], "batch size of 1"));

    let typed = folder(&[("1.npy", npy(&[1], &ramp(1))), ("2.npy", npy_of("|u1", false, &[1], &[0]))]);
    let untyped = TensorSpec { name: "x".into(), dtype: None, shape: None };
    let error = read(&[typed.path().into()], &[untyped], &sized(2)).unwrap_err();
    assert_refused(&error, (ErrorKind::Type, &["1.npy is f32", "2.npy is u8"], "one element type"));
}

#[test]
fn raw_formats_are_read_or_explained() {
    assert!("i64:1".parse::<batch::RawFormat>().is_ok());
    for (text, part) in [
        ("f32", "no colon"),
        ("f33:3", "f16"),
        ("f32:", "dimension ''"),
        ("f32:3x-1", "dimension '-1'"),
        ("f32:0x3", "empty"),
        ("f32:9999999999x9999999999", "too large"),
    ] {
        let error = text.parse::<batch::RawFormat>().unwrap_err();
        assert!(error.to_string().contains(part), "{text}: {error}");
        assert!(error.remedy().unwrap_or_default().contains("f32:3x224x224"), "{text}: {error}");
    }
}

#[test]
fn batches_from_code_are_checked() {
    let inputs = [input("x", DataType::F32, &[0, 3]), input("mask", DataType::F32, &[0])];
    let tensor = |shape: &[usize]| Tensor::new(shape.to_vec(), ramp(shape.iter().product())).unwrap();
    let bytes = Tensor::new(vec![1, 3], vec![0u8; 3]).unwrap();
    let mask = || ("mask", tensor(&[1]));
    let cases: [(Vec<(&str, Tensor)>, Expected<'_>); 6] = [
        (vec![("x", tensor(&[1, 3]))], (ErrorKind::Data, &["no tensor for input 'mask'"], "one tensor")),
        (vec![("x", tensor(&[1, 3])), mask(), mask()], (ErrorKind::Data, &["'mask' too many"], "one tensor")),
        (vec![("x", bytes), mask()], (ErrorKind::Type, &["'x'", "u8", "f32"], "convert")),
        (vec![("x", tensor(&[3])), mask()], (ErrorKind::Shape, &["'x'", "[3]", "[?, 3]"], "first axis")),
        (vec![("x", tensor(&[0, 3])), mask()], (ErrorKind::Data, &["[0, 3]", "no samples"], "")),
        (vec![("x", tensor(&[2, 3])), mask()], (ErrorKind::Data, &["2 samples", "1 for 'mask'"], "as many")),
    ];
    for (given, expected) in cases {
        let given: Vec<_> = given.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        let mut source = batch::from_fn(&inputs, || Ok(Some(given.clone())));
        assert_refused(&source.next_batch().unwrap_err(), expected);
        assert!(source.next_batch().unwrap().is_none(), "goes on after an error");
    }
}

/// Sizes without data: a model and a header of some bytes can claim any size.
#[test]
fn endless_sizes_are_refused() {
    let files = folder(&[("one.npy", npy(&[1, 3], &ramp(3))), ("nothing.npy", npy(&[1 << 60, 1, 0], &[]))]);
    let open = |file: &str, spec| batch::open(&[files.path().join(file)], &[spec], &DataOptions::default());
    let mut source = open("one.npy", input("x", DataType::F32, &[1 << 40, 3])).unwrap();
    let parts: &[&str] = &["1 samples", "1099511627776 at a time", "too much to fill up"];
    assert_refused(&source.next_batch().unwrap_err(), (ErrorKind::Data, parts, "dynamic batch dimension"));
    let error = open("nothing.npy", input("x", DataType::F32, &[1, 0])).err().unwrap();
    assert!(error.message().contains("nothing.npy"), "{error}");
    // With every axis declared, it is one empty feed.
    let source = open("nothing.npy", input("x", DataType::F32, &[0, 1, 0])).unwrap();
    assert_eq!(source.remaining(), Some(1));
}
