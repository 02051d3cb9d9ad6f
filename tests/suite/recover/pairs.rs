//! Equalization: the float network stays the same bit for bit, and uneven channels cost less.

use std::sync::Arc;

use qdq::emit::Weights;
use qdq::onnx::Model;
use qdq::place::Policy;
use qdq::recover::Refusal;
use qdq::recover::equalize::BALANCES;
use qdq::recover::layer::layers;
use qdq::recover::pair::{Pair, pair};
use qdq::runtime::RuntimeKind;

use super::{Case, EQUALIZATION, NONE, made, outputs, runtime};

const PAIRS: [(&str, usize); 4] =
    [("pair_conv", 1), ("pair_depthwise", 2), ("pair_gemm", 2), ("pair_transposed", 1)];

fn pairs(case: &Case) -> Vec<Pair> {
    let (network, plan) = (case.prepared.network(), &case.plan);
    let layers = layers(&network.graph, plan);
    let found = layers.iter().map(|second| match pair(network, plan, &layers, second) {
        Err(Refusal::Failed(error)) => panic!("{error}"),
        found => found.ok(),
    });
    found.flatten().collect()
}

#[test]
fn scaled_networks_compute_the_same_bit_for_bit() {
    for (name, count) in PAIRS {
        let case = Case::made(name);
        let pairs = pairs(&case);
        assert_eq!(pairs.len(), count, "{name}");
        for balance in BALANCES {
            let mut model: Model = case.prepared.model().clone();
            for pair in &pairs {
                // The maxima differ widely between channels.
                let maxima: Vec<f32> = (0..pair.channels).map(|at| 0.01 * 1.7f32.powi(at as i32)).collect();
                let scales = pair.scales(&model, &maxima, balance).unwrap();
                assert!(scales.iter().all(|scale| scale.log2().fract() == 0.0), "{scales:?}");
                // A depthwise weight has one column per row, so nothing is uneven there.
                assert!(balance == 0.0 || scales.iter().any(|&scale| scale != 1.0), "{scales:?}");
                for (name, value) in pair.scaled(&model, &scales).unwrap().unwrap() {
                    model.set_initializer(&name, value).unwrap();
                }
            }
            for kind in [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime] {
                let runtime = runtime(kind);
                let expected = outputs(&case.float, &case.data, &runtime);
                assert!(expected == outputs(&model, &case.data, &runtime), "{name}, {kind}, {balance}");
            }
        }
    }
}

#[test]
fn uneven_channels_cost_less() {
    for (name, count) in PAIRS {
        let file = |ending: &str| made().join(format!("{name}.{ending}"));
        for (bits, policy, least) in [
            // Measured: 13 to 21, 21 to 29, and 23 to 26 dB.
            (4, Policy::default(), 8.0),
            (8, Policy::default(), 10.0),
            (8, Policy { per_tensor_weights: true, ..Policy::default() }, 12.0),
        ] {
            let case = Case::with(&file("onnx"), &file("npz"), RuntimeKind::Embedded, &policy);
            let found = case.recover(bits, EQUALIZATION);
            let plain = case.mean_square(&case.float, &case.recover(bits, NONE).model);
            let error = case.mean_square(&case.float, &found.model);
            let gain = 10.0 * (plain / error).log10();
            assert!(gain > least, "{name}, {bits} bits: {gain} dB\n{}", found.report);
            let changed = found.report.layers.iter().filter(|layer| layer.changed.0 > 0);
            assert_eq!(changed.count(), count, "{name}, {bits} bits:\n{}", found.report);
            assert!(
                found
                    .report
                    .layers
                    .iter()
                    .filter_map(|layer| layer.error)
                    .all(|(before, after)| after <= before)
            );
        }
    }
}

#[test]
fn what_keeps_no_factor_is_left_alone() {
    let case = Case::made("pair_clipped");
    let found = case.recover(8, EQUALIZATION);
    let reasons: Vec<&str> = found.report.layers.iter().map(|layer| layer.what.as_str()).collect();
    assert_eq!(
        reasons,
        ["it reads an input of the network", "'clip' (Clip) before it does not keep a factor"]
    );
    let plain = case.try_recover(Weights::default(), NONE).unwrap();
    assert!(found.model.encode().unwrap() == plain.model.encode().unwrap());
}

/// Both readers of a tensor would see the scaled channels.
#[test]
fn a_tensor_that_is_read_twice_is_left_alone() {
    let mut model = Model::open(&made().join("pair_conv.onnx")).unwrap();
    model.add_output("relu:0", None).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    model.save(&path, &Default::default()).unwrap();
    let case = Case::open(&path, &made().join("pair_conv.npz"), RuntimeKind::Embedded);
    assert!(pairs(&case).is_empty());
    let found = Arc::new(case.recover(8, EQUALIZATION));
    assert!(found.report.layers.iter().any(|layer| layer.what == "'relu:0' is read elsewhere too"));
}
