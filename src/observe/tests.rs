use proptest::prelude::*;

use super::axis_max::AxisMax;
use super::*;

fn stats(values: &[f32]) -> TensorStats {
    let mut stats = TensorStats::new();
    stats.observe(values);
    stats
}

#[test]
fn special_values_are_counted_apart() {
    let stats = stats(&[0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -2.0, 1.0, -f32::NAN]);
    assert_eq!((stats.count(), stats.zeros(), stats.nans(), stats.infinities()), (8, 2, 2, 2));
    assert_eq!((stats.min(), stats.max(), stats.abs_max()), (Some(-2.0), Some(1.0), Some(2.0)));
    assert_eq!(stats.histogram().total(), 2);
}

#[test]
#[cfg_attr(miri, ignore = "slow there")]
fn threads_do_not_show() {
    let value = |i: usize| match i % 1_000_003 {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => 1e-30,
        rest => (rest as f32 - 400_000.0) / 3.0 * (1 + i / 1_500_000) as f32,
    };
    let values: Vec<f32> = (0..3_000_001).map(value).collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let with = |threads| pool.install(|| crate::kernel::parallel::within(Some(threads), || stats(&values)));
    let one = with(1);
    assert_eq!(with(3), one);
    let mut alone = TensorStats::new();
    values.iter().for_each(|value| alone.observe(std::slice::from_ref(value)));
    assert_eq!(alone, one, "nor does the way in which many values are counted");
}

fn sampled(values: &[f32]) -> TensorStats {
    let mut stats = TensorStats::new();
    stats.observe_sampled(values);
    stats
}

/// The mean square of the values, as a histogram tells it.
fn mean_square(stats: &TensorStats) -> f64 {
    let squares = stats.histogram().bins().map(|bin| bin.count as f64 * f64::from(bin.lower).powi(2));
    squares.sum::<f64>() / stats.count() as f64
}

#[test]
fn a_sample_has_all_extremes_and_counts() {
    for count in [4096, 5000, 169 * 50, 169 * 50 + 1, 700_000] {
        let value = |k: usize| if k.is_multiple_of(3) { 0.0 } else { (k as f32 * 0.37).sin() };
        let mut values: Vec<f32> = (0..count).map(value).collect();
        values[count / 2] = -700.0;
        let (all, some) = (stats(&values), sampled(&values));
        assert_eq!((some.min(), some.max(), some.count()), (all.min(), all.max(), all.count()), "{count}");
        assert_ne!(some, all, "{count}");
        let zeros = some.zeros() as f64 / count as f64;
        assert!((zeros - 1.0 / 3.0).abs() < 0.05, "{count}: {zeros}");
        let content = run(&[some.clone(), all]);
        assert_eq!(Stats::from_bytes(&content).unwrap().tensors["t0"], some, "{count}");
    }
}

#[test]
fn a_sample_sees_every_column_and_channel() {
    for width in 2..420 {
        let values: Vec<f32> =
            (0..width * 400).map(|k| if k % width < width / 2 { 1.5 } else { 0.5 }).collect();
        let error = mean_square(&sampled(&values)) / mean_square(&stats(&values)) - 1.0;
        assert!(error.abs() < 0.15, "width {width}: {error}");
    }
}

#[test]
fn few_values_equal_ones_and_special_ones_are_not_sampled() {
    let values: Vec<f32> = (0..9000).map(|k| (k as f32 * 0.37).sin()).collect();
    let special = [&values, &[f32::NAN, f32::INFINITY][..]].concat();
    for values in [&values[..4095], &special, &[3.25; 9000], &[0.0; 9000], &[f32::NAN; 9000], &[]] {
        assert_eq!(sampled(values), stats(values));
    }
    let mut parts = sampled(&values[..4500]);
    parts.merge(&sampled(&values[4500..]));
    let mut turns = TensorStats::new();
    [&values[4500..], &values[..4500]].into_iter().for_each(|part| turns.observe_sampled(part));
    assert_eq!(turns, parts, "the order of batches does not matter");
}

#[test]
fn nothing_seen_has_no_limits() {
    for values in [&[][..], &[f32::NAN], &[f32::INFINITY, f32::NEG_INFINITY]] {
        assert_eq!(stats(values).abs_max(), None, "{values:?}");
        assert_eq!(stats(values).histogram().bins().count(), 0);
    }
    assert_eq!(stats(&[-0.0]).min().map(f32::to_bits), Some(0));
}

/// Numbers of every kind and size: the window has to move, and special values occur at any position.
fn hard_value() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => any::<u32>().prop_map(f32::from_bits),
        4 => -4.0f32..4.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN_POSITIVE, 1e-45, f32::INFINITY, f32::NAN]),
    ]
}

fn run(tensors: &[TensorStats]) -> Vec<u8> {
    let tensors = tensors.iter().enumerate().map(|(i, t)| (format!("t{i}"), t.clone())).collect();
    Stats { tensors, samples: 1, ..Stats::default() }.to_bytes().unwrap()
}

/// Merges neighbours in the order given by `choices` until one is left.
fn merge_tree(mut parts: Vec<TensorStats>, choices: &[usize]) -> TensorStats {
    let mut choices = choices.iter().cycle();
    while parts.len() > 1 {
        let left = choices.next().unwrap() % (parts.len() - 1);
        let right = parts.remove(left + 1);
        parts[left].merge(&right);
    }
    parts.pop().unwrap_or_default()
}

proptest! {
    #[test]
    fn order_batches_and_merges_change_no_byte(
        values in prop::collection::vec(hard_value(), 0..300),
        shuffled in any::<u64>(),
        batch in 1usize..50,
        choices in prop::collection::vec(0usize..1000, 1..20),
    ) {
        let expected = run(&[stats(&values)]);
        let mut other = values.clone();
        let mut state = shuffled | 1;
        for i in (1..other.len()).rev() {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            other.swap(i, (state >> 33) as usize % (i + 1));
        }
        let mut sequential = TensorStats::new();
        other.chunks(batch).for_each(|part| sequential.observe(part));
        prop_assert_eq!(&run(&[sequential]), &expected);
        let parts: Vec<TensorStats> = other.chunks(batch).map(stats).collect();
        prop_assert_eq!(&run(&[merge_tree(parts, &choices)]), &expected);
    }

    #[test]
    fn saved_statistics_load_again(values in prop::collection::vec(hard_value(), 0..300)) {
        let tensors = BTreeMap::from([("a/b: [0]".to_owned(), stats(&values)), (String::new(), stats(&[]))]);
        let saved = Stats { tensors, samples: 7, ..Stats::default() };
        prop_assert_eq!(Stats::from_bytes(&saved.to_bytes().unwrap()).unwrap(), saved);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_other_statistics_but_never_a_panic(
        at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>(),
    ) {
        let good = run(&[stats(&[1.0, 2.0, -3.0, 0.0]), stats(&[1e-30, 1e30])]);
        let mut flipped = good.clone();
        flipped[at.index(good.len())] ^= 1 << bit;
        if let Ok(other) = Stats::from_bytes(&flipped) {
            let _ = other.to_bytes().unwrap();
        }
        prop_assert!(Stats::from_bytes(&good[..cut.index(good.len())]).is_err());
    }
}

#[test]
fn merged_runs_hold_the_tensors_of_either() {
    let run = |name: &str, samples| Stats {
        tensors: BTreeMap::from([(name.to_owned(), stats(&[1.0])), ("both".to_owned(), stats(&[2.0]))]),
        samples,
        ..Stats::default()
    };
    let mut merged = run("a", 3);
    merged.merge(&run("b", 4)).unwrap();
    assert_eq!(merged.samples, 7);
    assert_eq!(merged.tensors.keys().collect::<Vec<_>>(), ["a", "b", "both"]);
    assert_eq!(merged.tensors["both"].count(), 2);
    assert!(merged.merge(&run("a", u64::MAX)).is_err());
}

/// Computes maxima along `axes` of values of every kind.
fn maxima(axes: &[i64], values: &[f32], is_tracking: bool) -> AxisMax {
    let mut max = AxisMax::keeping(axes);
    if is_tracking {
        max = max.tracking();
    }
    for batch in values.chunks_exact(6) {
        max.observe(&[2, 1, 3], batch).unwrap();
    }
    max
}

proptest! {
    #[test]
    fn saved_maxima_load_again_and_go_on(
        values in prop::collection::vec(hard_value(), 0..40), more in prop::collection::vec(hard_value(), 6),
        axes in prop::collection::vec(-4i64..4, 0..3), is_tracking in any::<bool>(),
    ) {
        let mut saved = maxima(&axes, &values, is_tracking);
        let bytes = saved.to_bytes().unwrap();
        let mut loaded = AxisMax::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&loaded, &saved);
        prop_assert_eq!(loaded.to_bytes().unwrap(), bytes);
        for max in [&mut saved, &mut loaded] {
            max.observe(&[2, 1, 3], &more).unwrap();
        }
        prop_assert_eq!(loaded, saved);
    }

    #[test]
    fn damaged_maxima_are_an_error_or_other_maxima_but_never_a_panic(
        at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>(),
    ) {
        let good = maxima(&[0, -1], &[1.0, -2.0, f32::INFINITY, 0.0, 5.0, 6.0], true).to_bytes().unwrap();
        let mut flipped = good.clone();
        flipped[at.index(good.len())] ^= 1 << bit;
        if let Ok(mut other) = AxisMax::from_bytes(&flipped) {
            let _ = other.to_bytes().unwrap();
            let _ = other.observe(&[2, 1, 3], &[1.0; 6]);
        }
        prop_assert!(AxisMax::from_bytes(&good[..cut.index(good.len())]).is_err());
    }
}

#[test]
fn what_no_maxima_can_be_is_refused() {
    use super::axis_max::Amax;
    use super::axis_max_file::Maxima;
    let amax = |shape: &[usize], values: &[f32]| Amax { shape: shape.to_vec(), values: values.to_vec() };
    let one = Maxima { amax: Some(amax(&[], &[1.0])), ..Maxima::default() };
    let rows = Maxima { axes: vec![0], amax: Some(amax(&[2, 1], &[1.0, 2.0])), ..Maxima::default() };
    let block = Some(crate::quant::Block { axis: 3, size: 2 });
    for (maxima, says) in [
        (Maxima { amax: Some(amax(&[], &[-1.0])), ..one.clone() }, "-1 is no largest magnitude"),
        (Maxima { amax: Some(amax(&[], &[f32::NAN])), ..one.clone() }, "NaN is no largest magnitude"),
        (Maxima { axes: vec![1], ..rows.clone() }, "do not fit the axes"),
        (Maxima { block, ..rows.clone() }, "do not fit the axes"),
        (Maxima { amax: Some(amax(&[0, 1], &[])), ..rows.clone() }, "do not fit the axes"),
        (Maxima { history: Some(vec![amax(&[], &[2.0])]), ..one.clone() }, "exceeds 'amax'"),
    ] {
        let error = Maxima::from_bytes(&maxima.to_bytes().unwrap()).unwrap_err();
        assert!(error.kind() == ErrorKind::Format && error.message().contains(says), "{error}: {says}");
    }
    let many = Maxima { axes: vec![0], amax: Some(amax(&[1; 65], &[1.0])), ..Maxima::default() };
    assert_eq!(many.to_bytes().unwrap_err().kind(), ErrorKind::Unsupported);
    let field = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1; 65], &[0; 4]).unwrap();
    let axes = safetensors::tensor::TensorView::new(safetensors::Dtype::I64, vec![1], &[0; 8]).unwrap();
    let entry = std::collections::HashMap::from([("qdq.axis_max".to_owned(), "1".to_owned())]);
    let bytes = safetensors::serialize([("amax", field), ("axes", axes)], Some(entry)).unwrap();
    let error = AxisMax::from_bytes(&bytes).unwrap_err();
    assert!(error.message().contains("65 axes"), "{error}");
    let error = AxisMax::from_bytes(&run(&[])).unwrap_err();
    assert!(error.message().contains("not maxima"), "{error}");
    assert!(Stats::from_bytes(&one.to_bytes().unwrap()).is_err());
    let blocks = Maxima { block: Some(crate::quant::Block { axis: -1, size: 2 }), ..rows };
    let error = AxisMax::from_bytes(&blocks.to_bytes().unwrap()).unwrap_err();
    assert!(error.remedy().is_some_and(|remedy| remedy.contains("blocks")), "{error}");
}

#[test]
fn maxima_are_files_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("maxima");
    let saved = maxima(&[0], &[1.0, -2.0, 3.0, 4.0, f32::NEG_INFINITY, 6.0], false);
    saved.save(&path).unwrap();
    assert_eq!(AxisMax::load(&path).unwrap(), saved);
    assert_eq!(AxisMax::load(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::Io);
    std::fs::write(&path, "nonsense").unwrap();
    let error = AxisMax::load(&path).unwrap_err();
    assert!(error.message().contains("no usable maxima"), "{error}");
}
