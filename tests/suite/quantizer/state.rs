//! Saving, restoring and printing a quantizer.

use ndarray::{ArrayD, IxDyn, array};
use proptest::prelude::*;
use qdq::error::ErrorKind;
use qdq::quant::{CalibMethod, Mode, QuantDescriptor};
use qdq::quantizer::{ClipRange, TensorQuantizer};

use super::{data, dynamic, e4m3, histogram, learning, per_axis, per_block, quantizer, scalar, with_amax};

fn restored(quantizer: &TensorQuantizer) -> TensorQuantizer {
    TensorQuantizer::from_json(&quantizer.to_json().unwrap()).unwrap()
}

#[test]
fn a_restored_quantizer_is_the_same_in_every_part() {
    let mut quantizer = quantizer(QuantDescriptor {
        name: Some("a \"b\"".into()),
        fake_quant: false,
        mode: Mode::Corrected,
        ..per_axis(&[0])
    });
    quantizer.forward(data().view()).unwrap();
    quantizer.set_amax(Some(array![[0.1], [1e-30], [f32::MAX]].into_dyn())).unwrap();
    quantizer.set_pre_quant_scale(Some(array![-0.3, 1e-40, 7.0, 1.0, 1.0].into_dyn())).unwrap();
    quantizer.set_disabled(true);
    quantizer.set_quantizing(false);
    quantizer.set_calibrating(true);
    let other = restored(&quantizer);
    assert_eq!(other.descriptor(), quantizer.descriptor());
    assert_eq!(other.pre_quant_scale(), quantizer.pre_quant_scale());
    assert_eq!(other.inverse_scale().unwrap(), quantizer.inverse_scale().unwrap());
    assert!(other.is_disabled() && !other.is_quantizing() && other.is_calibrating() && !other.is_clipping());

    let mut quantizer = learning(1.0);
    quantizer.set_clip_range(ClipRange { min: -0.1, max: 1.0 / 3.0 }).unwrap();
    quantizer.set_clipping(true).unwrap();
    let other = restored(&quantizer);
    assert_eq!(other.clip_range(), quantizer.clip_range());
    assert!(other.is_clipping() && other.is_quantizing());
}

#[test]
fn a_clip_range_that_was_not_set_is_not_made_up() {
    let mut quantizer = quantizer(QuantDescriptor { learn_amax: true, ..QuantDescriptor::default() });
    quantizer.set_amax(Some(scalar(3.0))).unwrap();
    assert_eq!(restored(&quantizer).clip_range(), None);
}

#[test]
fn a_scale_that_is_no_number_is_left_out() {
    let mut quantizer = quantizer(QuantDescriptor { fake_quant: false, ..QuantDescriptor::default() });
    quantizer.forward(array![f32::NAN, 1.0].view()).unwrap();
    assert!(quantizer.inverse_scale().unwrap()[[]].is_nan());
    assert_eq!(restored(&quantizer).inverse_scale(), None);
}

#[test]
fn damaged_states_are_errors() {
    let state = learning(1.0).to_json().unwrap();
    let changed = |from: &str, to: &str| {
        assert!(state.contains(from), "{state}");
        state.replace(from, to)
    };
    for (text, says) in [
        (String::new(), "no state of a quantizer"),
        ("null".into(), "no state of a quantizer"),
        (state[..state.len() - 1].into(), "no state of a quantizer"),
        (format!("{state}]"), "no state of a quantizer"),
        (changed("qdq-quantizer", "qdq-ranges"), "the format is 'qdq-ranges'"),
        (changed(r#""disabled":false,"#, ""), "missing field `disabled`"),
        (changed(r#""clip_range":{"min":-1.0,"max":1.0},"#, ""), "missing field `clip_range`"),
        (changed(r#","pre_quant_scale":null"#, ""), "missing field `pre_quant_scale`"),
        (changed(r#","inverse_scale":null"#, ""), "missing field `inverse_scale`"),
        (changed(r#""amax":1.0,"#, ""), "missing field `amax`"),
        (changed(r#""amax":1.0,"#, r#""amax":"1","#), "amax is neither"),
        (changed(r#""disabled":false"#, r#""disabled":0"#), "expected a boolean"),
        (changed(r#""disabled":false"#, r#""disabled":false,"enabled":true"#), "unknown field `enabled`"),
        (changed(r#""disabled":false"#, r#""disabled":false,"disabled":true"#), "duplicate field"),
    ] {
        let error = TensorQuantizer::from_json(&text).expect_err(&text);
        assert_eq!(error.kind(), ErrorKind::Format);
        assert!(error.message().contains(says), "{error}\n{text}");
        assert!(error.remedy().is_some(), "{error}");
    }
    let newer = changed(r#""version":1"#, r#""version":2,"more":[]"#);
    assert_eq!(TensorQuantizer::from_json(&newer).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn states_that_no_quantizer_can_be_in_are_errors() {
    let (learning, plain) = (learning(1.0).to_json().unwrap(), dynamic().to_json().unwrap());
    for (state, from, to, says) in [
        (&learning, r#""amax":1.0"#, r#""amax":-1.0"#, "amax is -1"),
        (&learning, r#""amax":1.0"#, r#""amax":[]"#, "no number"),
        (&learning, r#""min":-1.0"#, r#""min":2.0"#, "no clip range"),
        (&plain, r#""num_bits":8"#, r#""num_bits":99"#, "num_bits is 99"),
        (&plain, r#""clipping":false"#, r#""clipping":true"#, "needs learn_amax"),
        (&plain, r#""clip_range":null"#, r#""clip_range":{"min":-1,"max":1}"#, "needs learn_amax"),
        (
            &plain,
            r#""inverse_scale":null"#,
            r#""inverse_scale":[]"#,
            "inverse_scale of shape [0] has no number",
        ),
        (&plain, r#""pre_quant_scale":null"#, r#""pre_quant_scale":1e99"#, "pre_quant_scale is inf"),
    ] {
        assert!(state.contains(from), "{state}");
        let error = TensorQuantizer::from_json(&state.replace(from, to)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Format);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(says), "{error}: {cause}");
    }
}

#[test]
fn quantizers_print_what_they_are() {
    let print = |descriptor| quantizer(descriptor).to_string();
    assert_eq!(dynamic().to_string(), "TensorQuantizer(8bit per-tensor amax=dynamic calibrator=max quant)");
    let amax = ndarray::Array2::from_shape_fn((64, 1), |(row, _)| 0.1 + row as f32 / 63.0 * 2.2).into_dyn();
    assert_eq!(
        print(QuantDescriptor { amax: Some(amax), ..per_axis(&[0]) }),
        "TensorQuantizer(8bit per-channel axis=0 amax=[0.1, 2.3](64) calibrator=max quant)"
    );
    assert_eq!(
        print(QuantDescriptor {
            name: Some("x".into()),
            unsigned: true,
            narrow_range: true,
            fake_quant: false,
            num_bits: 4.into(),
            mode: Mode::GpuCompat,
            scale_amax: Some(0.5),
            calib_method: CalibMethod::Histogram,
            ..with_amax(1.0 / 3.0)
        }),
        "TensorQuantizer('x' unsigned 4bit narrow real mode=gpu_compat per-tensor amax=0.3333 *0.5 \
         calibrator=histogram quant)"
    );
    assert_eq!(
        print(QuantDescriptor { mode: Mode::Corrected, amax: Some(scalar(1.23456e-12)), ..e4m3() }),
        "TensorQuantizer(e4m3 mode=corrected per-tensor amax=1.235e-12 calibrator=max quant)"
    );
    assert!(print(per_axis(&[0, -1])).contains(" per-channel axis=[0, -1] "));
    assert!(print(per_block(-1, 32)).contains(" per-block axis=-1 size=32 "));
    let mut quantizer = learning(2.0);
    quantizer.set_clipping(true).unwrap();
    quantizer.set_calibrating(true);
    quantizer.set_disabled(true);
    quantizer.set_quantizing(false);
    quantizer.set_pre_quant_scale(Some(scalar(2.0))).unwrap();
    assert_eq!(
        quantizer.to_string(),
        "TensorQuantizer(8bit per-tensor learned=[-2.0, 2.0] scaled calibrator=max disabled clip calib)"
    );
    let unset = print(QuantDescriptor { learn_amax: true, ..histogram() });
    assert_eq!(unset, "TensorQuantizer(8bit per-tensor learned=unset calibrator=histogram quant)");
}

fn numbers(negative: bool) -> impl Strategy<Value = ArrayD<f32>> {
    let number = any::<f32>().prop_map(move |x| {
        if !x.is_finite() {
            1.0
        } else if negative {
            x
        } else {
            x.abs()
        }
    });
    prop::collection::vec(1usize..3, 0..4).prop_flat_map(move |shape| {
        prop::collection::vec(number.clone(), shape.iter().product::<usize>())
            .prop_map(move |values| ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap())
    })
}

proptest! {
    #[test]
    fn every_number_survives(
        amax in prop::option::of(numbers(false)),
        factors in prop::option::of(numbers(true)),
        (a, b) in (any::<f32>(), any::<f32>()),
        scale_amax in prop::option::of(1e-30f32..1e30),
    ) {
        let mut quantizer = quantizer(QuantDescriptor { learn_amax: true, scale_amax, ..QuantDescriptor::default() });
        quantizer.set_amax(amax).unwrap();
        quantizer.set_pre_quant_scale(factors).unwrap();
        if a.is_finite() && b.is_finite() {
            quantizer.set_clip_range(ClipRange { min: a.min(b), max: a.max(b) }).unwrap();
        }
        let other = restored(&quantizer);
        prop_assert_eq!(other.descriptor(), quantizer.descriptor());
        prop_assert_eq!(other.pre_quant_scale(), quantizer.pre_quant_scale());
        prop_assert_eq!(other.clip_range(), quantizer.clip_range());
        prop_assert_eq!(other.to_json().unwrap(), quantizer.to_json().unwrap());
    }

    #[test]
    fn any_text_is_a_state_or_an_error(text in "\\PC*|[\\[\\]{}0-9,:\"a-z_]*") {
        let _ = TensorQuantizer::from_json(&text);
    }

    #[test]
    fn any_damage_is_seen_or_harmless(at in any::<prop::sample::Index>(), with in "\\PC") {
        let mut state = learning(1.0).to_json().unwrap();
        let at = at.index(state.len());
        state.replace_range(at..=at, &with);
        if let Ok(mut quantizer) = TensorQuantizer::from_json(&state) {
            let _ = quantizer.forward(data().view());
        }
    }
}
