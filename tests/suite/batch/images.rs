//! Images: layouts, channels, resizing, numbers.

use super::*;
use image::{ExtendedColorType, ImageEncoder as _};
use qdq::batch::{Channels, ImageOptions, Layout, Resize};
use qdq::error::ErrorKind;

/// A PNG of RGB pixels.
pub fn png(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(rgb, width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// A JPEG of one colour.
pub fn jpeg(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100)
        .write_image(&colour.repeat((width * height) as usize), width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

fn with(image: ImageOptions) -> DataOptions {
    DataOptions { image, ..DataOptions::default() }
}

/// Pixels as they are.
fn plain() -> ImageOptions {
    ImageOptions { scale: 1.0, ..ImageOptions::default() }
}

/// 2 by 1 pixels: red, green and blue of the first, then of the second.
const TWO: [u8; 6] = [10, 20, 30, 40, 50, 60];

fn planar() -> TensorSpec {
    input("x", DataType::F32, &[0, 3, 1, 2])
}

#[test]
fn axes_and_channels_are_the_model_s() {
    let open = TensorSpec { shape: None, ..planar() };
    let sized = |layout| ImageOptions { size: Some((1, 2)), layout: Some(layout), ..plain() };
    let bgr = || ImageOptions { channels: Channels::Bgr, ..plain() };
    let planes = [10.0, 40.0, 20.0, 50.0, 30.0, 60.0];
    let pixels = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0];
    let cases = [
        (planar(), plain(), planes),
        (input("x", DataType::F32, &[0, 1, 2, 3]), plain(), pixels),
        (planar(), bgr(), [30.0, 60.0, 20.0, 50.0, 10.0, 40.0]),
        (input("x", DataType::F32, &[0, 1, 2, 3]), bgr(), [30.0, 20.0, 10.0, 60.0, 50.0, 40.0]),
        (open.clone(), sized(Layout::Nchw), planes),
        (open, sized(Layout::Nhwc), pixels),
        (input("x", DataType::F32, &[0, 0, 0, 0]), sized(Layout::Nhwc), pixels),
    ];
    for (spec, options, expected) in cases {
        let batches =
            read_one("a.png", png(2, 1, &TWO), std::slice::from_ref(&spec), &with(options.clone())).unwrap();
        assert_eq!(first_values(&batches), expected, "{spec:?} {options:?}");
    }
}

#[test]
fn values_follow_the_formula() {
    let options = ImageOptions {
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
        ..ImageOptions::default()
    };
    let batches = read_one("a.png", png(2, 1, &TWO), &[planar()], &with(options)).unwrap();
    let expected = [(10, 0), (40, 0), (20, 1), (50, 1), (30, 2), (60, 2)].map(|(pixel, channel)| {
        let (mean, std) = ([0.485, 0.456, 0.406][channel], [0.229, 0.224, 0.225][channel]);
        (f64::from(pixel) / 255.0 - mean) / std
    });
    for (found, expected) in first_values(&batches).iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn integer_inputs_and_grey_images() {
    let bytes = input("x", DataType::U8, &[0, 1, 2, 3]);
    let batches = read_one("a.png", png(2, 1, &TWO), &[bytes], &DataOptions::default()).unwrap();
    assert_eq!(batches[0].inputs[0].1.data(), &Data::U8(TWO.to_vec()));

    let grey = ImageOptions { channels: Channels::Gray, ..plain() };
    let spec = input("x", DataType::F32, &[0, 1, 1, 2]);
    let batches = read_one("a.png", png(2, 1, &[9, 9, 9, 200, 200, 200]), &[spec], &with(grey)).unwrap();
    assert_eq!(first_values(&batches), [9.0, 200.0]);
}

#[test]
fn proportions_are_changed_cut_or_filled() {
    // 4 by 2: a black, a white, a white and a black column.
    let wide: Vec<u8> = [0, 255, 255, 0].repeat(2).iter().flat_map(|&x| [x; 3]).collect();
    let spec = input("x", DataType::F32, &[0, 3, 4, 4]);
    let first_plane = |resize| {
        let options = ImageOptions { resize, fill: 7, ..plain() };
        first_values(
            &read_one("a.png", png(4, 2, &wide), std::slice::from_ref(&spec), &with(options)).unwrap(),
        )[..16]
            .to_vec()
    };
    assert_eq!(first_plane(Resize::Stretch), [0.0, 255.0, 255.0, 0.0].repeat(4));
    // The two white columns in the middle fill the square.
    let cut = first_plane(Resize::Crop);
    assert!(cut.chunks(4).all(|row| row[1] > 200.0 && row[0] == row[3]), "{cut:?}");
    let framed = first_plane(Resize::Letterbox);
    assert_eq!(framed[..4], [7.0; 4]);
    assert_eq!(framed[4..12], [0.0, 255.0, 255.0, 0.0].repeat(2));
    assert_eq!(framed[12..], [7.0; 4]);
}

#[test]
fn shrinking_averages_with_a_triangle_as_wide_as_the_step() {
    let row: Vec<u8> = (0..64u32).map(|x| (x * x * 37 % 256) as u8).collect();
    let rgb: Vec<u8> = row.iter().flat_map(|&x| [x; 3]).collect();
    let (from, to) = (64, 10);
    let spec = input("x", DataType::F32, &[0, 3, 1, to]);
    let batches = read_one("a.png", png(from as u32, 1, &rgb), &[spec], &with(plain())).unwrap();
    let step = from as f64 / to as f64;
    for (i, &found) in first_values(&batches)[..to].iter().enumerate() {
        let centre = (i as f64 + 0.5) * step;
        let weight = |x: usize| (1.0 - ((x as f64 + 0.5 - centre) / step).abs()).max(0.0);
        let total: f64 = (0..from).map(weight).sum();
        let expected: f64 = (0..from).map(|x| weight(x) * f64::from(row[x])).sum::<f64>() / total;
        assert!((f64::from(found) - expected).abs() <= 1.0, "{i}: {found} {expected}");
    }
}

#[test]
fn a_folder_of_images_is_read_by_name_and_content() {
    let folder = folder(&[
        ("2.JPG", jpeg(8, 8, [0, 0, 0])),
        ("1.jpeg", jpeg(16, 4, [200, 200, 200])),
        // A PNG under a wrong name, as downloads often are.
        ("3.jpg", png(1, 1, &[50; 3])),
    ]);
    let spec = input("x", DataType::F32, &[0, 3, 2, 2]);
    let options = DataOptions { batch_size: Some(2), ..with(plain()) };
    let batches = read(&[folder.path().to_owned()], &[spec], &options).unwrap();
    assert_eq!(shapes(&batches), [&[2, 3, 2, 2][..], &[1, 3, 2, 2]]);
    let values = first_values(&batches);
    for (sample, expected) in values.chunks(12).zip([200.0, 0.0, 50.0]) {
        assert!(sample.iter().all(|value| (value - expected).abs() <= 1.0), "{sample:?} {expected}");
    }
}

#[test]
fn images_and_options_that_do_not_fit() {
    let rgb = input("x", DataType::F32, &[0, 3, 4, 4]);
    let open = input("x", DataType::F32, &[0, 3, 0, 0]);
    let with_mean = |mean: &[f32]| ImageOptions { mean: mean.to_vec(), ..plain() };
    let cases: [(TensorSpec, ImageOptions, ErrorKind, &str, &str); 9] = [
        (input("x", DataType::F32, &[0, 48]), plain(), ErrorKind::Shape, "[?, 48]", ".npz"),
        (input("x", DataType::F32, &[0, 1, 4, 4]), plain(), ErrorKind::Shape, "3 channels", "gray"),
        (input("x", DataType::F32, &[0, 0, 4, 4]), plain(), ErrorKind::Shape, "3 channels", "NHWC"),
        (input("x", DataType::I64, &[0, 3, 4, 4]), plain(), ErrorKind::Type, "i64", ".npz"),
        (input("x", DataType::U8, &[0, 3, 4, 4]), plain(), ErrorKind::InvalidArgument, "u8", "leave"),
        (open, plain(), ErrorKind::InvalidArgument, "no image height", "state"),
        (
            rgb.clone(),
            ImageOptions { size: Some((8, 4)), ..plain() },
            ErrorKind::InvalidArgument,
            "height 8",
            "leave the size out",
        ),
        (
            rgb.clone(),
            with_mean(&[1.0, 2.0]),
            ErrorKind::InvalidArgument,
            "mean [1.0, 2.0]",
            "per channel (3)",
        ),
        (rgb, ImageOptions { std: vec![0.0], ..plain() }, ErrorKind::InvalidArgument, "std", "not 0"),
    ];
    for (spec, options, kind, message, remedy) in cases {
        let error = read_one("a.png", png(2, 1, &TWO), &[spec], &with(options)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.remedy().unwrap_or_default().contains(remedy), "{error}");
    }
}
