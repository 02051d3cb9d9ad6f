//! Every kind of grouping, compared with a look-up per element.

use std::num::NonZeroUsize;

use ndarray::{ArrayD, Dimension, IxDyn};
use qdq::kernel::parallel;
use qdq::quant::{
    PerGroup, QuantParams, abs_max, abs_max_per_block, dequantize, fake_tensor_quant,
    fake_tensor_quant_backward, fake_tensor_quant_in_place, quantize, scaled_e4m3, tensor_quant,
};

/// The axis and size of blocks.
type Blocks = Option<(usize, usize)>;

/// The shape of the data, the kept axes, and the axis and size of blocks. The lengths of their rows and runs
/// reach all branches of the code: runs shorter and longer than a vector, rows that repeat often or never,
/// rows that differ, uneven blocks.
const CASES: [(&[usize], &[isize], Blocks); 14] = [
    (&[1000], &[], None),
    (&[37, 5], &[1], None),
    (&[3, 50], &[1], None),
    (&[50, 3], &[0], None),
    (&[2, 3, 300], &[1], None),
    (&[40, 3, 7], &[1], None),
    (&[2, 3, 20], &[1], None),
    (&[5, 4, 6], &[0, 2], None),
    (&[5, 4, 70], &[0, 1], None),
    (&[6, 5], &[0, 1], None),
    (&[2, 70_000], &[1], None),
    (&[4, 100], &[], Some((1, 32))),
    (&[70, 9], &[], Some((0, 16))),
    (&[0, 8], &[1], None),
];

#[test]
fn numbers_belong_to_the_elements_of_their_group() {
    let params = QuantParams::new(8).unwrap();
    for (shape, axes, block) in CASES {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| ((i * 7919 % 2003) as f32 - 1001.0) / 50.0).collect();
        let x = ArrayD::from_shape_vec(shape, values).unwrap();
        if count == 0 {
            let amax = ArrayD::from_elem(IxDyn(&[1, 8]), 1.0);
            assert_eq!(fake_tensor_quant(x.view(), &amax, &params).unwrap(), x);
            continue;
        }
        let found = match block {
            Some((axis, size)) => abs_max_per_block(x.view(), axis, size).unwrap(),
            None => abs_max(x.view(), (!axes.is_empty()).then_some(axes)).unwrap(),
        };
        // The place of an element's number among the numbers.
        let place = |index: &[usize]| -> Vec<usize> {
            let at = |(axis, &at): (usize, &usize)| match block {
                Some((blocked, size)) if blocked == axis => at / size,
                _ => at.min(found.shape()[axis] - 1),
            };
            if found.ndim() == 0 { Vec::new() } else { index.iter().enumerate().map(at).collect() }
        };
        let mut largest = ArrayD::<f32>::zeros(found.shape());
        for (index, x) in x.indexed_iter() {
            let group = &mut largest[&place(index.slice())[..]];
            *group = group.max(x.abs());
        }
        assert_eq!(found, largest, "{shape:?} {axes:?} {block:?}");

        // Some values are beyond this range.
        let amax = found.mapv(|amax| amax * 0.75);
        let of = |index: &[usize]| amax[&place(index)[..]];
        let groups = || match block {
            Some((axis, size)) => PerGroup::per_block(amax.clone(), axis, size).unwrap(),
            None => (&amax).into(),
        };
        let each = |f: &dyn Fn(f32, f32) -> f32| {
            ArrayD::from_shape_fn(shape, |index| f(x[&index], of(index.slice())))
        };
        let grid = |x: f32, amax: f32| (x * (127.0 / amax)).round_ties_even().clamp(-128.0, 127.0);
        let faked = each(&|x, amax| grid(x, amax) / (127.0 / amax));
        let what = format!("{shape:?} {axes:?} {block:?}");
        assert_eq!(fake_tensor_quant(x.view(), groups(), &params).unwrap(), faked, "{what}");
        let mut in_place = x.clone();
        fake_tensor_quant_in_place(in_place.as_slice_mut().unwrap(), shape, &groups(), &params).unwrap();
        assert_eq!(in_place, faked, "{what}");
        assert_eq!(tensor_quant(x.view(), groups(), &params).unwrap().values, each(&grid), "{what}");
        let integers = quantize::<_, i8, _>(x.view(), groups(), &params).unwrap();
        assert_eq!(integers.values.mapv(f32::from), each(&grid), "{what}");
        let wide = quantize::<_, i16, _>(x.view(), groups(), &params).unwrap();
        assert_eq!(wide.values.mapv(f32::from), each(&grid), "{what}");
        assert_eq!(
            dequantize::<_, f32, _>(integers.values.view(), &integers.inverse_scale).unwrap(),
            faked,
            "{what}"
        );
        let gradient = x.mapv(|x| x + 1.0);
        let passed = fake_tensor_quant_backward(gradient.view(), x.view(), groups()).unwrap();
        assert_eq!(passed, each(&|x, amax| if x.abs() <= amax { x + 1.0 } else { 0.0 }), "{what}");
        // The values equal those of a tensor per element.
        let fp8 = scaled_e4m3(x.view(), Some(groups())).unwrap();
        let alone = each(&|x, amax| scaled_e4m3(ndarray::arr1(&[x]).view(), Some(amax.into())).unwrap()[0]);
        assert_eq!(fp8, alone, "{what}");
    }
}

#[test]
fn threads_are_limited_for_the_whole_process() {
    parallel::set_threads(NonZeroUsize::new(2));
    assert_eq!(parallel::limit(), 2);
    assert_eq!(std::thread::spawn(parallel::limit).join().unwrap(), 2, "in other threads too");
    assert_eq!(parallel::within(Some(5), parallel::limit), 2);
    parallel::set_threads(None);
    assert_eq!(parallel::limit(), usize::MAX);
}
