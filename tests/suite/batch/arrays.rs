//! Arrays: formats, element types, batching.

use super::*;

fn vectors() -> TensorSpec {
    input("x", DataType::F32, &[0, 3])
}

#[test]
fn real_data_arrives_whole_in_batches() {
    let spec = input("input", DataType::F32, &[0, 1, 8, 8]);
    let batches = read(&[digits("calib.npz")], std::slice::from_ref(&spec), &sized(100)).unwrap();
    assert_eq!(shapes(&batches), [&[100, 1, 8, 8][..], &[100, 1, 8, 8], &[56, 1, 8, 8]]);
    let one_by_one = read(&[digits("calib.npz")], &[spec], &DataOptions::default()).unwrap();
    assert_eq!(one_by_one.len(), 256);
    assert_eq!(first_values(&batches), first_values(&one_by_one));
    // Facts about the data, from NumPy.
    let values = first_values(&batches);
    assert_eq!(values.iter().copied().fold(f32::MIN, f32::max), 1.0);
    assert_eq!(values.iter().map(|&x| f64::from(x)).sum::<f64>(), 4990.75);
}

#[test]
fn labels_are_read_whole() {
    let labels = batch::read_npy(&digits("calib_labels.npy")).unwrap();
    assert_eq!((labels.dtype(), labels.shape()), (DataType::I64, &[256][..]));
}

#[test]
fn every_container_gives_the_same_samples() {
    let values = ramp(15);
    let array = npy(&[5, 3], &values);
    let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let files = [
        ("a.npy", array.clone()),
        ("a.npz", npz(&[("other", npy(&[2], &[0.0; 2])), ("x", array.clone())], false)),
        ("b.npz", npz(&[("x", array)], true)),
        ("a.bin", raw.clone()),
        ("a.RAW", raw.clone()),
        ("a.dat", raw),
    ];
    for (name, bytes) in files {
        for size in [1, 2, 5, 100] {
            let batches = read_one(name, bytes.clone(), &[vectors()], &sized(size)).unwrap();
            assert_eq!(first_values(&batches), values, "{name} in batches of {size}");
            assert!(batches.iter().rev().skip(1).all(|batch| batch.samples == size), "{name}");
        }
    }
}

#[test]
fn numpy_variants_of_an_array_are_put_in_order() {
    let big_endian: Vec<u8> = ramp(6).iter().flat_map(|x| x.to_be_bytes()).collect();
    let columns: Vec<u8> = [0.0f32, 3.0, 1.0, 4.0, 2.0, 5.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let columns_big: Vec<u8> =
        [0.0f32, 3.0, 1.0, 4.0, 2.0, 5.0].iter().flat_map(|x| x.to_be_bytes()).collect();
    for (descr, fortran, data) in
        [(">f4", false, big_endian), ("<f4", true, columns), (">f4", true, columns_big)]
    {
        let array = npy_of(descr, fortran, &[2, 3], &data);
        for (name, bytes) in [("a.npy", array.clone()), ("a.npz", npz(&[("x", array)], true))] {
            let batches = read_one(name, bytes, &[vectors()], &DataOptions::default()).unwrap();
            assert_eq!(first_values(&batches), ramp(6), "{descr} {fortran} {name}");
        }
    }
}

#[test]
fn values_are_converted_where_they_stay_the_same() {
    let cases: [(&str, Vec<u8>, DataType, Data); 7] = [
        ("<i4", [-1i32, 7].map(i32::to_le_bytes).concat(), DataType::I64, Data::I64(vec![-1, 7])),
        ("<i8", [-1i64, 7].map(i64::to_le_bytes).concat(), DataType::I32, Data::I32(vec![-1, 7])),
        ("|u1", vec![0, 255], DataType::F32, Data::F32(vec![0.0, 255.0])),
        ("|b1", vec![0, 1], DataType::Bool, Data::Bool(vec![0, 1])),
        ("|b1", vec![0, 1], DataType::I64, Data::I64(vec![0, 1])),
        ("<f8", [0.1f64, f64::INFINITY].map(f64::to_le_bytes).concat(), DataType::F32, {
            Data::F32(vec![0.1, f32::INFINITY])
        }),
        (
            "<f2",
            [0x3c00u16, 0xc000].map(u16::to_le_bytes).concat(),
            DataType::F32,
            Data::F32(vec![1.0, -2.0]),
        ),
    ];
    for (descr, bytes, dtype, expected) in cases {
        let array = npy_of(descr, false, &[2, 1], &bytes);
        let batches = read_one("x.npy", array, &[input("x", dtype, &[0, 1])], &sized(2)).unwrap();
        assert_eq!(batches[0].inputs[0].1.data(), &expected, "{descr} to {dtype}");
    }
}

#[test]
fn several_inputs_come_from_one_npz_or_from_named_files() {
    let inputs = [vectors(), input("mask", DataType::F32, &[0])];
    let (x, mask) = (npy(&[4, 3], &ramp(12)), npy(&[4], &ramp(4)));
    let folder = folder(&[
        ("both.npz", npz(&[("mask", mask.clone()), ("x", x.clone())], true)),
        ("only.npz", npz(&[("arr_0", mask.clone())], false)),
        ("mask.npy", mask),
        ("x.npy", x),
    ]);
    let at = |name: &str| folder.path().join(name);
    let named = |input: &str, file: &str| PathBuf::from(format!("{input}={}", at(file).display()));
    for paths in [
        vec![at("both.npz")],
        vec![at("mask.npy"), at("x.npy")],
        vec![named("mask", "mask.npy"), named("x", "both.npz")],
        vec![named("mask", "only.npz"), at("x.npy")],
    ] {
        let batches = read(&paths, &inputs, &sized(3)).unwrap();
        let names: Vec<&str> = batches[1].inputs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, batches[1].samples), (vec!["x", "mask"], 1), "{paths:?}");
        assert_eq!(floats(&batches[1].inputs[1].1), [3.0], "{paths:?}");
    }
}

#[test]
fn a_folder_is_read_by_name_with_single_samples_and_stacks_mixed() {
    let folder = folder(&[
        ("2.npy", npy(&[2, 3], &ramp(6))),
        ("1.npy", npy(&[3], &[7.0, 8.0, 9.0])),
        ("3.bin", ramp(3).iter().flat_map(|x| x.to_le_bytes()).collect()),
        ("notes.txt", b"not data".to_vec()),
        (".hidden.npy", b"not data".to_vec()),
    ]);
    let batches = read(&[folder.path().to_owned()], &[vectors()], &sized(3)).unwrap();
    let values = [&[7.0, 8.0, 9.0][..], &ramp(6), &ramp(3)].concat();
    assert_eq!(first_values(&batches), values);
    assert_eq!(shapes(&batches), [&[3, 3][..], &[1, 3]]);
}

#[test]
fn a_raw_shape_may_have_the_batch_axis_in_front() {
    let bytes: Vec<u8> = ramp(8).iter().flat_map(|x| x.to_le_bytes()).collect();
    let open = TensorSpec { shape: None, ..input("x", DataType::F32, &[]) };
    let cases = [
        (input("x", DataType::F32, &[0, 2, 2]), "f32:2x2", vec![2, 2, 2]),
        (input("x", DataType::F32, &[0, 2, 2]), "f32:1x2x2", vec![2, 2, 2]),
        (input("x", DataType::F32, &[0, 0, 0]), "f32:1x2x2", vec![2, 2, 2]),
        // The 1 is the sample's own axis here.
        (input("x", DataType::F32, &[0, 1, 2, 2]), "f32:1x2x2", vec![2, 1, 2, 2]),
        (input("x", DataType::F32, &[0, 1, 2]), "f32:1x2", vec![4, 1, 2]),
        (open, "f32:1x2x2", vec![2, 1, 2, 2]),
    ];
    for (spec, format, expected) in cases {
        let options = DataOptions { raw: Some(format.parse().unwrap()), ..sized(4) };
        let batches = read_one("a.bin", bytes.clone(), std::slice::from_ref(&spec), &options).unwrap();
        assert_eq!(shapes(&batches), [&expected[..]], "{spec:?} {format}");
        assert_eq!(first_values(&batches), ramp(8), "{spec:?} {format}");
    }
}

#[test]
fn files_of_no_input_in_a_folder_are_left_out() {
    let inputs = [vectors(), input("mask", DataType::F32, &[0])];
    let folder = folder(&[
        ("labels.npy", npy(&[9], &ramp(9))),
        ("mask.npy", npy(&[2], &ramp(2))),
        ("preview.png", Vec::new()),
        ("x.npy", npy(&[2, 3], &ramp(6))),
    ]);
    let batches = read(&[folder.path().to_owned()], &inputs, &sized(2)).unwrap();
    assert_eq!(shapes(&batches), [&[2, 3]]);
    assert_eq!(floats(&batches[0].inputs[1].1), ramp(2));
}

#[test]
fn samples_of_different_shapes_are_batches_of_their_own() {
    let files = [("1.npy", npy(&[1, 2], &ramp(2))), ("2.npy", npy(&[1, 4], &ramp(4)))];
    let folder = folder(&files);
    let inputs = [input("x", DataType::F32, &[0, 0])];
    let batches = read(&[folder.path().to_owned()], &inputs, &DataOptions::default()).unwrap();
    assert_eq!(shapes(&batches), [&[1, 2][..], &[1, 4]]);
}

#[test]
fn the_batch_size_is_the_model_s() {
    let fixed = [input("x", DataType::F32, &[2, 3])];
    let batches = read_one("x.npy", npy(&[5, 3], &ramp(15)), &fixed, &DataOptions::default()).unwrap();
    // The fifth sample does not fill a batch, so it is repeated.
    assert_eq!(first_values(&batches), [&ramp(15)[..], &ramp(15)[12..]].concat());
    assert_eq!(shapes(&batches), [&[2, 3][..]; 3]);
    let counts: Vec<_> = batches.iter().map(|batch| (batch.samples, batch.repeats)).collect();
    assert_eq!(counts, [(2, 0), (2, 0), (1, 1)]);
}

#[test]
fn limit_and_seed_choose_samples() {
    let array = npy(&[50, 3], &ramp(150));
    let chosen = |limit, seed, compressed: bool| {
        let options = DataOptions { limit: Some(limit), seed, ..sized(4) };
        let bytes = npz(&[("x", array.clone())], compressed);
        let batches = read_one("x.npz", bytes, &[vectors()], &options).unwrap();
        first_values(&batches).chunks(3).map(|sample| sample[0] as usize / 3).collect::<Vec<_>>()
    };
    assert_eq!(chosen(3, None, true), [0, 1, 2]);
    assert_eq!(chosen(99, Some(1), true).len(), 50);
    let drawn = chosen(10, Some(1), true);
    assert_eq!(drawn.len(), 10);
    assert!(drawn.is_sorted_by(|a, b| a < b), "{drawn:?}");
    assert_eq!(drawn, chosen(10, Some(1), false));
    assert_ne!(drawn, chosen(10, Some(2), true));
}

#[test]
fn batches_from_code_are_put_in_order_and_end() {
    let inputs = [vectors(), input("mask", DataType::F32, &[0])];
    let mut left = 2;
    let mut source = batch::from_fn(&inputs, || {
        left -= 1;
        let x = Tensor::new(vec![2, 3], ramp(6))?;
        let mask = Tensor::new(vec![2], ramp(2))?;
        Ok((left >= 0).then(|| vec![("mask".to_owned(), mask), ("x".to_owned(), x)]))
    });
    use qdq::batch::BatchSource as _;
    let first = source.next_batch().unwrap().unwrap();
    assert_eq!((first.samples, first.inputs[0].0.as_str()), (2, "x"));
    assert!(source.next_batch().unwrap().is_some());
    assert!(source.next_batch().unwrap().is_none());
    assert_eq!(source.remaining(), Some(0));
}

/// NumPy has no bfloat16. The one of ml_dtypes is saved as two bytes without a kind.
#[test]
fn floating_point_numbers_are_rounded_to_the_type_of_the_input() {
    let numbers = [0.1f32, -1.0e-7, 65_000.0, f32::INFINITY];
    let of = |wide: [u64; 4], bytes: usize| -> Vec<u8> {
        wide.iter().flat_map(|bits| bits.to_le_bytes()[..bytes].to_vec()).collect()
    };
    let cases = [
        ("<f4", of(numbers.map(|x| x.to_bits().into()), 4)),
        ("<f8", of(numbers.map(|x| f64::from(x).to_bits()), 8)),
        ("<V2", of(numbers.map(|x| half::bf16::from_f32(x).to_bits().into()), 2)),
    ];
    for (kind, bytes) in cases {
        let brain = |x: f32| half::bf16::from_f32(x).to_f32();
        let expected = numbers.map(|x| half::f16::from_f32(if kind == "<V2" { brain(x) } else { x }));
        let file = npy_of(kind, false, &[1, 4], &bytes);
        let spec = input("x", DataType::F16, &[0, 4]);
        let read = read_one("x.npy", file, &[spec], &DataOptions::default()).unwrap();
        assert_eq!(*read[0].inputs[0].1.data(), Data::F16(expected.to_vec()), "{kind}");
    }
}

#[test]
fn bfloat16_of_ml_dtypes_is_read() {
    let numbers = [0.5f32, -2.0, 3.0e38];
    let halves: Vec<u8> = numbers.iter().flat_map(|x| half::bf16::from_f32(*x).to_le_bytes()).collect();
    let expected: Vec<half::bf16> = numbers.map(half::bf16::from_f32).to_vec();
    for (name, bytes) in [
        ("x.npy", npy_of("<V2", false, &[1, 3], &halves)),
        ("x.npy", npy_of("|V2", false, &[1, 3], &halves)),
        ("x.npz", npz(&[("x", npy_of("<V2", false, &[1, 3], &halves))], true)),
        ("x.bin", halves.clone()),
    ] {
        let of =
            |dtype| read_one(name, bytes.clone(), &[input("x", dtype, &[0, 3])], &DataOptions::default());
        assert_eq!(
            *of(DataType::Bf16).unwrap()[0].inputs[0].1.data(),
            Data::Bf16(expected.clone()),
            "{name}"
        );
        if name != "x.bin" {
            let wide: Vec<f32> = expected.iter().map(|x| x.to_f32()).collect();
            assert_eq!(first_values(&of(DataType::F32).unwrap()), wide);
        }
    }
}
