//! Every setting of a quantizer's switches, compared with the functions that implement its steps, in Rust and
//! C.

use ndarray::{ArrayD, IxDyn, arr0};
use qdq::quant::{self, NumBits, QuantDescriptor};
use qdq::quantizer::TensorQuantizer;

use super::bodies::same;
use super::capi::Capi;
use super::native::Native;
use super::{Objects, Setting};

const ENDS: (f32, f32) = (-1.0, 1.5);

fn data() -> ArrayD<f32> {
    ArrayD::from_shape_fn(IxDyn(&[3, 5]), |at| ((at[0] * 5 + at[1]) as f32 * 0.9).sin() * 3.0)
}

/// Computes the steps in order: values, gradient of a gradient of 1, gradients of the ends.
fn expected(descriptor: &QuantDescriptor, setting: &Setting) -> (ArrayD<f32>, ArrayD<f32>, (f64, f64)) {
    let learns = descriptor.learn_amax;
    let one = arr0(1.0f32).into_dyn();
    let factors = setting.factors.as_ref().unwrap_or(&one);
    let mut y = quant::multiply(data().view(), factors).unwrap();
    let mut gradient = data().mapv(|_| 1.0);
    let mut ends = (0.0, 0.0);
    if !setting.disabled {
        // The gradients of clipping and quantization both depend on the values before them.
        let before = y.clone();
        if setting.clipping || setting.quantizing && learns {
            let (passed, of_ends) =
                quant::clip_backward(gradient.view(), before.view(), ENDS.0, ENDS.1).unwrap();
            y = quant::clip(before.view(), ENDS.0, ENDS.1).unwrap();
            (gradient, ends) = (passed, (of_ends.min, of_ends.max));
        }
        if setting.quantizing {
            let amax = if learns { arr0(1.5).into_dyn() } else { descriptor.amax_of(before.view()).unwrap() };
            y = match (descriptor.params(), descriptor.fake_quant) {
                (Err(_), _) => quant::scaled_e4m3(y.view(), Some((&amax).into())).unwrap(),
                (Ok(params), true) => quant::fake_tensor_quant(y.view(), &amax, &params).unwrap(),
                (Ok(params), false) => quant::tensor_quant(y.view(), &amax, &params).unwrap().values,
            };
            gradient = quant::fake_tensor_quant_backward(gradient.view(), before.view(), &amax)
                .map(|passed| if learns { gradient.clone() } else { passed })
                .unwrap();
        }
    }
    (y, quant::multiply(gradient.view(), factors).unwrap(), ends)
}

#[test]
fn every_setting_of_the_switches_does_its_steps_in_order() {
    let fixed =
        QuantDescriptor { num_bits: 4.into(), amax: Some(arr0(2.0).into_dyn()), ..Default::default() };
    let factors = ArrayD::from_shape_vec(IxDyn(&[3, 1]), vec![0.5f32, 1.0, 2.0]).unwrap();
    for descriptor in [
        QuantDescriptor::default(),
        QuantDescriptor { axis: Some(vec![0]), scale_amax: Some(0.5), ..Default::default() },
        QuantDescriptor { num_bits: NumBits::E4M3, ..fixed.clone() },
        QuantDescriptor { fake_quant: false, ..fixed.clone() },
        QuantDescriptor { learn_amax: true, scale_amax: Some(0.5), ..fixed.clone() },
        QuantDescriptor { learn_amax: true, num_bits: NumBits::E4M3, ..fixed },
    ] {
        for bits in 0..32 {
            let on = |bit: u32| bits >> bit & 1 == 1;
            let setting = Setting {
                disabled: on(0),
                quantizing: on(1),
                clipping: on(2),
                calibrating: on(3),
                factors: on(4).then(|| factors.clone()),
                ends: descriptor.learn_amax.then_some(ENDS),
            };
            let what = format!("{descriptor:?} {setting:?}");
            let native = Native::switched(&data(), &descriptor, &setting);
            let capi = Capi::switched(&data(), &descriptor, &setting);
            if setting.clipping && !descriptor.learn_amax {
                assert_eq!(native, capi, "{what}");
                assert!(native.unwrap_err().message.contains("needs learn_amax"), "{what}");
                continue;
            }
            let found = same(&what, native, capi);
            let (values, gradient, ends) = expected(&descriptor, &setting);
            assert_eq!((found.values, found.gradient, found.ends), (values, gradient, ends), "{what}");
            // The quantizer observes its input times the factors.
            let mut observes = TensorQuantizer::new(descriptor.clone()).unwrap();
            if setting.calibrating && !setting.disabled {
                observes.set_pre_quant_scale(setting.factors.clone()).unwrap();
                observes.observe(data().view()).unwrap();
            }
            assert_eq!(found.observed, observes.calibration_to_bytes().unwrap(), "{what}");
            assert_eq!(
                found.switches[..4],
                [setting.disabled, setting.quantizing, setting.clipping, setting.calibrating]
            );
            assert_eq!(found.exported.is_ok(), !setting.calibrating && found.numbers[1].is_some(), "{what}");
        }
    }
}
