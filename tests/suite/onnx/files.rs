//! Reading and writing without any loss, and weights in separate files.

use std::fs;
use std::path::{Path, PathBuf};

use qdq::dtype::DataType;
use qdq::error::{Error, ErrorKind};
use qdq::onnx::{Edits, Model, NodeSpec, Position, SaveOptions};
use qdq::tensor::Data;
use tempfile::{TempDir, tempdir};

use super::{digits, python};

#[test]
fn an_unedited_model_is_written_byte_for_byte() {
    let folder = tempdir().unwrap();
    python("lossless.py make", &[folder.path()]);
    let path = folder.path().join("copy.onnx");
    for source in [digits(), folder.path().join("everything.onnx")] {
        let model = Model::open(&source).unwrap();
        let written = model.save(&path, &SaveOptions::default()).unwrap();
        assert_eq!(written, std::slice::from_ref(&path));
        assert_eq!(fs::read(&path).unwrap(), fs::read(&source).unwrap());
    }
}

#[test]
fn an_edit_leaves_everything_else_alone() {
    let folder = tempdir().unwrap();
    python("lossless.py make", &[folder.path()]);
    let mut model = Model::open(&folder.path().join("everything.onnx")).unwrap();
    let mut edits = Edits::new();
    edits
        .insert(Position::After(0), NodeSpec::new("Identity", "added", &["h"], &["h_added"]))
        .replace_capture(1, "h", "h_added");
    model.edit(edits).unwrap();
    model.add_initializer("new", &[3], vec![1i64, 2, 3]).unwrap();
    model.set_metadata("edited", "yes");
    assert_eq!(model.metadata("author"), Some("somebody"));
    model.save(&folder.path().join("everything.edited.onnx"), &SaveOptions::default()).unwrap();
    python("lossless.py check", &[folder.path()]);
}

#[test]
fn stored_values_of_every_form_are_read_or_refused() {
    let folder = tempdir().unwrap();
    python("lossless.py make", &[folder.path()]);
    let model = Model::open(&folder.path().join("everything.onnx")).unwrap();
    let weight = model.constant("w").unwrap().unwrap();
    assert_eq!((weight.shape(), weight.dtype()), (&[2, 3][..], DataType::F32));
    let Data::F16(typed) = model.constant("typed").unwrap().unwrap().data().clone() else { panic!() };
    assert_eq!(typed.iter().map(|value| value.to_f32()).collect::<Vec<_>>(), [1.5, -2.0]);
    assert_eq!(*model.constant("packed").unwrap().unwrap().data(), Data::I4(vec![1, -2, 3]));
    for name in ["text", "s", "k", "l"] {
        let refused = model.constant(name).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{name}");
        assert!(refused.to_string().contains("everything.onnx"), "{refused}");
    }
    assert_eq!(model.constant("h").unwrap(), None);
}

#[test]
fn data_past_two_gibibytes_is_read_and_copied() {
    let folder = tempdir().unwrap();
    python("lossless.py make", &[folder.path()]);
    let model = Model::open(&folder.path().join("sparse.onnx")).unwrap();
    let expected = Data::F32(vec![0.0, 1.0, 2.0, 3.0]);
    assert_eq!(*model.constant("w").unwrap().unwrap().data(), expected);

    let beside = folder.path().join("beside.onnx");
    assert_eq!(model.save(&beside, &SaveOptions::default()).unwrap(), std::slice::from_ref(&beside));
    // With all data inside, the model exceeds the limit of one message.
    let whole = model.inlined().unwrap();
    assert_eq!(*whole.constant("w").unwrap().unwrap().data(), expected);
    assert_eq!(whole.encode().unwrap_err().kind(), ErrorKind::Unsupported);

    let mut model = model;
    assert!(model.remove_initializer_if_unused("h"));
    let elsewhere = tempdir().unwrap();
    let path = elsewhere.path().join("moved.onnx");
    let data = elsewhere.path().join("moved.onnx.data");
    let divided = SaveOptions { max_file: 1, ..SaveOptions::default() };
    assert_eq!(model.save(&path, &divided).unwrap(), [path.clone(), data.clone()]);
    assert_eq!(fs::metadata(&data).unwrap().len(), 16);
    assert_eq!(*Model::open(&path).unwrap().constant("w").unwrap().unwrap().data(), expected);
    let inside = Model::from_bytes(model.inlined().unwrap().encode().unwrap().into()).unwrap();
    assert_eq!(*inside.constant("w").unwrap().unwrap().data(), expected);
}

/// Makes the digits model with its weights in a separate file.
fn divided() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let options = SaveOptions { max_file: 1000, ..SaveOptions::default() };
    let written = Model::open(&digits()).unwrap().save(&path, &options).unwrap();
    let data = folder.path().join("model.onnx.data");
    assert_eq!(written, [path.clone(), data.clone()]);
    (folder, path, data)
}

fn constants_of(model: &Model) -> Vec<qdq::tensor::Tensor> {
    let graph = model.graph().unwrap();
    let values = graph.tensors.iter().filter_map(|tensor| model.constant(&tensor.name).unwrap());
    values.collect()
}

#[test]
fn a_model_too_large_for_one_file_gets_a_data_file() {
    let (folder, path, data) = divided();
    let whole = constants_of(&Model::open(&digits()).unwrap());
    let model = Model::open(&path).unwrap();
    assert_eq!(constants_of(&model), whole);

    // Saving the model over itself keeps the references and does not touch the data.
    let written = fs::metadata(&data).unwrap().modified().unwrap();
    assert_eq!(model.save(&path, &SaveOptions::default()).unwrap(), std::slice::from_ref(&path));
    assert_eq!(fs::metadata(&data).unwrap().modified().unwrap(), written);

    // New large weights do not overwrite the file of the others.
    let mut larger = model.clone();
    larger.add_initializer("large", &[4096], vec![1.0f32; 4096]).unwrap();
    let options = SaveOptions { max_file: 10_000, ..SaveOptions::default() };
    let second = folder.path().join("model.onnx.1.data");
    assert_eq!(larger.save(&path, &options).unwrap(), [path.clone(), second]);
    let reread = Model::open(&path).unwrap();
    assert_eq!(reread.constant("large").unwrap().unwrap().data(), &Data::F32(vec![1.0; 4096]));
    assert_eq!(constants_of(&reread)[..whole.len()], whole[..]);

    let refused = model.save(&data, &SaveOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    assert_eq!(constants_of(&Model::open(&path).unwrap())[..whole.len()], whole[..]);
}

/// Reads every weight, or returns the first error.
fn read(path: &Path) -> Result<(), Error> {
    let model = Model::open(path)?;
    let graph = model.graph()?;
    graph.tensors.iter().try_for_each(|tensor| model.constant(&tensor.name).map(drop))
}

#[test]
fn external_data_stays_in_the_models_folder() {
    let (folder, path, data) = divided();
    let content = fs::read(&path).unwrap();
    let rename = |to: &str| {
        let (from, to) = (b"model.onnx.data", to.as_bytes());
        assert_eq!(from.len(), to.len());
        let mut content = content.clone();
        while let Some(at) = content.windows(from.len()).position(|window| window == from) {
            content[at..at + to.len()].copy_from_slice(to);
        }
        fs::write(&path, content).unwrap();
        read(&path).unwrap_err()
    };
    for location in ["../el.onnx.data", "/dev/null//////", "a/../../xx.data", "               "] {
        let refused = rename(location);
        let text = refused.to_string();
        assert!(matches!(refused.kind(), ErrorKind::Format | ErrorKind::Io), "{text}");
        assert!(text.contains("tensor '") && text.contains(location.trim()), "{text}");
    }
    let missing = rename("models.onnxdata");
    assert!(missing.to_string().contains("models.onnxdata") && missing.remedy().is_some(), "{missing}");

    #[cfg(unix)]
    {
        let outside = tempdir().unwrap();
        fs::copy(&data, outside.path().join("data")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("data"), folder.path().join("a_link_out.data"))
            .unwrap();
        let escaped = rename("a_link_out.data");
        assert!(escaped.message().contains("outside the model's folder"), "{escaped}");
    }

    fs::write(&path, &content).unwrap();
    read(&path).unwrap();
    fs::File::options().write(true).open(&data).unwrap().set_len(10).unwrap();
    let short = read(&path).unwrap_err();
    assert!(short.message().contains("past the end"), "{short}");
    let unsaved = folder.path().join("unsaved.onnx");
    Model::open(&path).unwrap().save(&unsaved, &SaveOptions::default()).unwrap_err();
    assert!(!unsaved.exists());
}

#[test]
fn a_full_disk_is_an_error() {
    let device = Path::new("/dev/full");
    if device.exists() {
        let failed = Model::open(&digits()).unwrap().save(device, &SaveOptions::default()).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Io);
    }
}

/// The digits model as a hub stores it: both files have other names, and links point to them.
#[cfg(unix)]
#[test]
fn links_of_a_hubs_cache_are_followed() {
    use std::os::unix::fs::symlink;
    let (source, path, data) = divided();
    let hub = tempdir().unwrap();
    let root = hub.path().join("models--somebody--digits");
    let (blobs, snapshot) = (root.join("blobs"), root.join("snapshots/0123abc/onnx"));
    fs::create_dir_all(&blobs).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    for (file, blob) in [(&path, "aa11"), (&data, "bb22")] {
        fs::copy(file, blobs.join(blob)).unwrap();
        symlink(Path::new("../../../blobs").join(blob), snapshot.join(file.file_name().unwrap())).unwrap();
    }
    let model = snapshot.join("model.onnx");
    read(&model).unwrap();
    // A link out of the hub's tree is refused, although it has the same form.
    let link = snapshot.join("model.onnx.data");
    for target in [data.clone(), root.join("snapshots/0123abc/x"), hub.path().join("blobs/bb22")] {
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(blobs.join("bb22"), &target).unwrap();
        fs::remove_file(&link).unwrap();
        symlink(&target, &link).unwrap();
        let refused = read(&model).unwrap_err();
        assert!(refused.message().contains("outside the model's folder by a link to"), "{refused}");
        assert!(refused.message().contains(target.file_name().unwrap().to_str().unwrap()), "{refused}");
    }
    // The blobs themselves must not be outside either.
    fs::rename(&blobs, hub.path().join("elsewhere")).unwrap();
    symlink(hub.path().join("elsewhere"), &blobs).unwrap();
    fs::remove_file(&link).unwrap();
    symlink("../../../blobs/bb22", &link).unwrap();
    assert!(read(&model).unwrap_err().message().contains("outside the model's folder"));
    drop(source);
}

#[test]
fn dots_in_a_location_are_taken_as_they_are_written() {
    let (folder, path, data) = divided();
    let content = fs::read(&path).unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    fs::rename(&data, folder.path().join("d/w")).unwrap();
    for location in ["./d/../d/././/w", "./d/../d/../d/w"] {
        let to = location.as_bytes();
        let mut content = content.clone();
        let from = b"model.onnx.data";
        while let Some(at) = content.windows(from.len()).position(|window| window == from) {
            content[at..at + from.len()].copy_from_slice(to);
        }
        fs::write(&path, content).unwrap();
        let found = read(&path);
        assert!(found.is_ok(), "{location}: {found:?}");
    }
}

/// Returns a copy of a divided model, edited as by quantization.
fn edited(path: &Path) -> Model {
    let mut model = Model::open(path).unwrap();
    model.set_metadata("edited", "yes");
    model
}

#[test]
fn an_edited_model_depends_on_no_other_models_data() {
    let (folder, path, data) = divided();
    let whole = constants_of(&Model::open(&digits()).unwrap());
    let beside = folder.path().join("int8.onnx");
    // Small data goes inside the model. A file with the name of the float model's data file stays that file.
    assert_eq!(edited(&path).save(&beside, &SaveOptions::default()).unwrap(), std::slice::from_ref(&beside));
    let small = SaveOptions { max_file: 1000, ..SaveOptions::default() };
    let large = folder.path().join("large.onnx");
    let own = folder.path().join("large.onnx.data");
    assert_eq!(edited(&path).save(&large, &small).unwrap(), [large.clone(), own]);
    // An unedited copy is the same model and shares its data.
    let copy = folder.path().join("copy.onnx");
    Model::open(&path).unwrap().save(&copy, &SaveOptions::default()).unwrap();
    // A model that is saved over itself keeps its data.
    assert_eq!(edited(&path).save(&path, &SaveOptions::default()).unwrap(), std::slice::from_ref(&path));
    assert_eq!(constants_of(&Model::open(&path).unwrap()), whole);
    fs::remove_file(&data).unwrap();
    for kept in [&beside, &large] {
        assert_eq!(constants_of(&Model::open(kept).unwrap()), whole, "{}", kept.display());
    }
    assert!(read(&copy).is_err() && read(&path).is_err());
}
