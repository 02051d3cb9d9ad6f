//! Images: layouts, channels, resizing, numbers.

use super::*;
use image::{ExtendedColorType, ImageEncoder as _};
use qdq::batch::{Channels, ImageOptions, Layout, Resize};
use qdq::error::ErrorKind;

/// Returns a PNG of RGB pixels.
pub fn png(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(rgb, width, height, ExtendedColorType::Rgb8)
        .unwrap();
    bytes
}

/// Returns a JPEG of one colour.
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

/// Returns options that keep the pixels unchanged.
pub fn plain() -> ImageOptions {
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
    // 4 by 2 pixels: a black, a white, a white and a black column.
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

/// Returns pixels like those of a photo: smooth areas, edges, noise.
fn photo(width: usize, height: usize) -> Vec<u8> {
    let pixel = |i: usize| {
        let (x, y, channel) = (i / 3 % width, i / 3 / width, i % 3);
        let noise = (i as u32).wrapping_mul(0x9e37_79b9) >> 28;
        let edge = if (x / 7 + y / 5) % 2 == 0 { 90 } else { 0 };
        (x * (2 + channel) + y * 3 + edge + noise as usize).min(255) as u8
    };
    (0..width * height * 3).map(pixel).collect()
}

/// Returns the first plane of the image after `options`, for a model with the shape `[3, height, width]`.
fn plane(bytes: Vec<u8>, height: usize, width: usize, options: ImageOptions) -> Vec<f32> {
    let spec = input("x", DataType::F32, &[0, 3, height, width]);
    first_values(&read_one("a.png", bytes, &[spec], &with(options)).unwrap())[..height * width].to_vec()
}

#[test]
fn the_centre_is_cut_out_of_the_image_in_its_shorter_side_s_size() {
    // The shorter side becomes 16, as in torchvision's Resize(16): floor(16 * 40 / 27) = 23 for the longer
    // side. Cutting 23 to 10 leaves 6.5 before the centre, which rounds to the even 6; cutting 16 to 10
    // leaves 3.
    for (width, height, whole_width, whole_height) in [(40, 27, 23, 16), (27, 40, 16, 23)] {
        let image = png(width, height, &photo(width as usize, height as usize));
        let crop = ImageOptions { resize: Resize::Crop, shorter_side: Some(16), ..plain() };
        let cut = plane(image.clone(), 10, 10, crop);
        let whole = plane(image, whole_height, whole_width, plain());
        let (top, left) = if whole_width > whole_height { (3, 6) } else { (6, 3) };
        for (y, row) in cut.chunks(10).enumerate() {
            let expected = &whole[(top + y) * whole_width + left..][..10];
            assert_eq!(row, expected, "{width}x{height}, row {y}");
        }
    }
}

#[test]
fn the_shorter_side_is_checked() {
    let spec = || input("x", DataType::F32, &[0, 3, 4, 8]);
    let with_side = |resize, side| ImageOptions { resize, shorter_side: Some(side), ..plain() };
    let small = png(2, 1, &TWO);
    let cases = [
        (with_side(Resize::Stretch, 16), ErrorKind::InvalidArgument, "not cut", "choose to crop"),
        (with_side(Resize::Crop, 7), ErrorKind::InvalidArgument, "7 to cut 8", "use 8 to"),
        (with_side(Resize::Crop, 1 << 20), ErrorKind::InvalidArgument, "1048576", "use 8 to"),
        // The longer side would be 32768, and the image would need 1.5 GiB.
        (with_side(Resize::Crop, 16384), ErrorKind::Format, "a.png: 2x1 pixels", "proportions"),
    ];
    for (options, kind, message, remedy) in cases {
        let error = read_one("a.png", small.clone(), &[spec()], &with(options)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.remedy().unwrap_or_default().contains(remedy), "{error}");
    }
}

#[test]
fn luma_is_that_of_rec_601() {
    // The result of Pillow's convert("L") for each colour.
    let colours = [([255, 0, 0], 76.0), ([0, 255, 0], 150.0), ([0, 0, 255], 29.0), ([10, 200, 77], 129.0)];
    let grey = ImageOptions { channels: Channels::Gray, ..plain() };
    let spec = input("x", DataType::F32, &[0, 1, 1, 4]);
    let pixels = colours.map(|(colour, _)| colour).concat();
    let batches = read_one("a.png", png(4, 1, &pixels), &[spec], &with(grey)).unwrap();
    assert_eq!(first_values(&batches), colours.map(|(_, luma)| luma));
}

#[test]
fn half_precision_inputs_get_rounded_values() {
    let spec = || input("x", DataType::F16, &[0, 3, 1, 2]);
    let batches = read_one("a.png", png(2, 1, &TWO), &[spec()], &DataOptions::default()).unwrap();
    let expected = [10.0, 40.0, 20.0, 50.0, 30.0, 60.0].map(|pixel: f32| half::f16::from_f32(pixel / 255.0));
    assert_eq!(batches[0].inputs[0].1.data(), &Data::F16(expected.to_vec()));

    let brain = || input("x", DataType::Bf16, &[0, 3, 1, 2]);
    let batches = read_one("a.png", png(2, 1, &TWO), &[brain()], &DataOptions::default()).unwrap();
    let expected = [10.0, 40.0, 20.0, 50.0, 30.0, 60.0].map(|pixel: f32| half::bf16::from_f32(pixel / 255.0));
    assert_eq!(batches[0].inputs[0].1.data(), &Data::Bf16(expected.to_vec()));
    let beyond = ImageOptions { scale: 1e37, ..plain() };
    let error = read_one("a.png", png(2, 1, &TWO), &[brain()], &with(beyond)).unwrap_err();
    assert!(error.message().contains("bf16 cannot hold"), "{error}");

    let large = ImageOptions { scale: 300.0, ..plain() };
    let error = read_one("a.png", png(2, 1, &TWO), &[spec()], &with(large)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.message().contains("f16 cannot hold"), "{error}");
}

#[test]
fn a_folder_of_images_is_read_by_name_and_content() {
    let folder = folder(&[
        ("2.JPG", jpeg(8, 8, [0, 0, 0])),
        ("1.jpeg", jpeg(16, 4, [200, 200, 200])),
        // A PNG with a wrong extension, as downloads often have.
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
