//! Images of every format, resized and rotated as in other libraries, and the messages for unreadable images.

use super::images::{plain, png};
use super::*;
use qdq::batch::{Channels, Exif, ImageOptions, Resize, ResizeFilter};
use qdq::error::ErrorKind;
use qdq::finding::Severity;

fn given(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images").join(name)
}

/// Returns the pixels that another library made, with height and width.
fn expected(name: &str) -> (Vec<u8>, usize, usize) {
    let tensor = batch::read_npy(&given(name)).unwrap();
    let Data::U8(pixels) = tensor.data() else { panic!("{name}: {}", tensor.dtype()) };
    (pixels.clone(), tensor.shape()[0], tensor.shape()[1])
}

/// Returns the pixels of an image for a model of this height and width.
fn pixels(path: &Path, (height, width, channels): (usize, usize, usize), image: ImageOptions) -> Vec<u8> {
    let spec = input("x", DataType::U8, &[0, height, width, channels]);
    let options = DataOptions { image, ..DataOptions::default() };
    let batches = read(&[path.to_owned()], &[spec], &options).unwrap();
    let Data::U8(pixels) = batches[0].inputs[0].1.data() else { panic!() };
    pixels.clone()
}

#[test]
fn resizing_as_opencv_is_the_same_to_the_bit() {
    let opencv = || ImageOptions { resize_filter: ResizeFilter::OpenCv, ..ImageOptions::default() };
    for size in ["24x32", "20x30", "13x61", "60x70", "48x20", "1x1"] {
        let (expected, height, width) = expected(&format!("opencv_{size}.npy"));
        assert_eq!(pixels(&given("photo.png"), (height, width, 3), opencv()), expected, "{size}");
    }
    let (expected, height, width) = expected("opencv_gray_20x30.npy");
    let gray = ImageOptions { channels: Channels::Gray, ..opencv() };
    assert_eq!(pixels(&given("gray.png"), (height, width, 1), gray), expected);
    // The default differs: it averages when it reduces an image.
    let (expected, ..) = self::expected("opencv_20x30.npy");
    assert_ne!(pixels(&given("photo.png"), (20, 30, 3), ImageOptions::default()), expected);
}

#[test]
fn an_image_is_cut_from_the_size_that_covers_the_target() {
    let opencv =
        |resize| ImageOptions { resize_filter: ResizeFilter::OpenCv, resize, ..ImageOptions::default() };
    // 48x64 covers 20x20 as 20x27. 3.5 columns before the centre are cut; this rounds to the even 4.
    let whole = pixels(&given("photo.png"), (20, 27, 3), opencv(Resize::Stretch));
    let cut = pixels(&given("photo.png"), (20, 20, 3), opencv(Resize::Crop));
    for (cut, whole) in cut.chunks(20 * 3).zip(whole.chunks(27 * 3)) {
        assert_eq!(cut, &whole[4 * 3..][..20 * 3]);
    }
}

#[test]
fn one_picture_in_every_format() {
    let (expected, height, width) = expected("small.npy");
    for format in ["png", "bmp", "gif", "webp", "tif", "ppm"] {
        let path = given(&format!("small.{format}"));
        assert_eq!(pixels(&path, (height, width, 3), ImageOptions::default()), expected, "{format}");
    }
    // Other file extensions of these formats.
    let read_as = |from: &str, name: &str| {
        let folder = folder(&[(name, std::fs::read(given(from)).unwrap())]);
        pixels(&folder.path().join(name), (16, 24, 3), ImageOptions::default())
    };
    let jpeg = read_as("exif_1.jpg", "a.jpg");
    for name in ["a.jfif", "a.JPE", "a.jpeg"] {
        assert_eq!(read_as("exif_1.jpg", name), jpeg, "{name}");
    }
    for (from, name) in [("small.tif", "a.tiff"), ("small.bmp", "a.dib"), ("small.ppm", "a.pnm")] {
        assert!(!read_as(from, name).is_empty());
    }
}

#[test]
fn orientations_are_applied_or_said() {
    let apply = ImageOptions { exif: Exif::Apply, ..ImageOptions::default() };
    for orientation in 1..=8 {
        let (expected, height, width) = expected(&format!("exif_{orientation}.npy"));
        let found = pixels(&given(&format!("exif_{orientation}.jpg")), (height, width, 3), apply.clone());
        // Decoders of JPEG round differently.
        let differ = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(differ.is_some_and(|most| most <= 6), "{orientation}: {differ:?}");
    }
    let images: Vec<PathBuf> = [3, 1, 6, 8].map(|n| given(&format!("exif_{n}.jpg"))).to_vec();
    let spec = || input("x", DataType::U8, &[0, 16, 24, 3]);
    let findings = |image: ImageOptions| {
        let options = DataOptions { image, ..DataOptions::default() };
        let mut source = batch::open(&images, &[spec()], &options).unwrap();
        assert!(source.findings().is_empty(), "nothing was read");
        while source.next_batch().unwrap().is_some() {}
        source.findings()
    };
    assert!(findings(apply).is_empty());
    let found = findings(ImageOptions::default());
    assert_eq!((found.len(), found[0].severity), (1, Severity::Warning), "{found:?}");
    assert!(found[0].message.contains("3 images") && found[0].message.contains("exif_3.jpg"), "{found:?}");
    assert!(found[0].remedy.contains("apply"), "{found:?}");
}

#[test]
fn what_is_left_out_of_a_folder_is_said() {
    let picture = || png(2, 1, &[7; 6]);
    let folder = folder(&[
        ("a.png", picture()),
        ("b.heic", picture()),
        ("c.avif", picture()),
        ("labels.txt", b"1".to_vec()),
        ("more/d.png", picture()),
        (".hidden", b"1".to_vec()),
    ]);
    let spec = [input("x", DataType::F32, &[0, 3, 1, 2])];
    let source = batch::open(&[folder.path().to_owned()], &spec, &DataOptions::default()).unwrap();
    let findings = source.findings();
    let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(findings.len(), 2, "{text:?}");
    assert!(findings.iter().all(|finding| finding.severity == Severity::Warning), "{text:?}");
    for part in ["3 files", "b.heic", "c.avif", "labels.txt", ".webp"] {
        assert!(text[0].contains(part), "'{part}' is not in {text:?}");
    }
    assert!(text[1].contains("1 folder") && text[1].contains("more"), "{text:?}");
    assert!(text.iter().all(|text| !text.contains("hidden")), "{text:?}");

    std::fs::remove_file(folder.path().join("a.png")).unwrap();
    let error = read(&[folder.path().to_owned()], &spec, &DataOptions::default()).unwrap_err();
    assert!(error.message().contains("more"), "{error}");
}

#[test]
fn images_that_cannot_be_used_name_a_way() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec();
    let rgb = || input("x", DataType::F32, &[0, 3, 1, 2]);
    let rgba = input("x", DataType::F32, &[0, 4, 1, 2]);
    let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec();
    let cases = [
        ("a.png", png(2, 1, &[7; 6]), rgba, ErrorKind::Shape, "'x' is [?, 4, 1, 2]", "such as RGBA"),
        ("a.jpg", pointer, rgb(), ErrorKind::Format, "a.jpg: is a pointer of Git LFS", "git lfs pull"),
        ("a.jpg", heic, rgb(), ErrorKind::Format, "a.jpg: is no image of a format", "convert it"),
    ];
    for (name, bytes, spec, kind, message, remedy) in cases {
        let error = read_one(name, bytes, &[spec], &with(plain())).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.remedy().unwrap_or_default().contains(remedy), "{error}");
    }
}

fn with(image: ImageOptions) -> DataOptions {
    DataOptions { image, ..DataOptions::default() }
}
