//! Models that are valid and hard to quantize, through all steps and back into ONNX Runtime.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use half::f16;
use qdq::batch;
use qdq::emit::Ranges;
use qdq::emit::{WeightForm, Weights};
use qdq::error::Result;
use qdq::onnx::Model;
use qdq::pipeline::{self, CalibrateOptions, CompareOptions, Prepared, go_on};
use qdq::place::{Plan, Policy};
use qdq::range::Method;
use qdq::runtime::{RuntimeKind, RuntimeOptions};
use qdq::tensor::Data;

use crate::environment::{onnxruntime, project, run_python};

fn script(task: &str, folder: &Path) -> String {
    let script = project("tests/python/hostile_models.py");
    run_python(&[script.to_str().unwrap(), task, folder.to_str().unwrap()])
}

/// Returns the folder of the models that tests/python/hostile_models.py makes.
fn made() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile_models");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        script("make", &folder);
        folder
    })
}

fn planned(path: &Path) -> Result<(Prepared, Plan)> {
    let prepared = pipeline::prepare(&Model::open(path)?)?;
    let plan = prepared.plan(&Policy::default())?;
    Ok((prepared, plan))
}

fn calibrated(path: &Path, kind: RuntimeKind) -> Result<(Prepared, Plan, Ranges)> {
    let (prepared, plan) = planned(path)?;
    let options = batch::DataOptions { batch_size: Some(8), ..Default::default() };
    let mut data = batch::open(&[path.with_extension("npz")], &prepared.model().inputs(), &options)?;
    let onnxruntime = (kind == RuntimeKind::OnnxRuntime).then(onnxruntime);
    let runtime = RuntimeOptions { kind, onnxruntime, threads: Some(1) };
    let options = CalibrateOptions { runtime, ..Default::default() };
    let stats = prepared.calibrate(&plan, data.as_mut(), &options, &mut go_on)?;
    let ranges = prepared.ranges(&plan, &stats, Method::Max)?;
    Ok((prepared, plan, ranges))
}

fn write_quantized(path: &Path) -> Result<()> {
    let (prepared, plan, ranges) = calibrated(path, RuntimeKind::OnnxRuntime)?;
    for (name, form) in [("int8", WeightForm::Int8), ("float", WeightForm::Float)] {
        let weights = Weights { form, method: Method::Max, ..Default::default() };
        let quantized = prepared.quantize(&plan, &ranges, &weights)?;
        quantized.save(&path.with_extension(format!("{name}.onnx")), &Default::default())?;
    }
    Ok(())
}

#[test]
fn every_hostile_model_is_quantized_into_a_valid_one_with_close_results() {
    let entries = std::fs::read_dir(made()).unwrap().map(|entry| entry.unwrap().path());
    let models: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "onnx")).collect();
    assert!(models.len() > 20);
    let failures: Vec<String> = models
        .iter()
        .filter_map(|path| {
            let error = write_quantized(path).err()?;
            Some(format!("{}: {error}", path.display()))
        })
        .collect();
    assert!(failures.is_empty(), "{failures:#?}");
    script("check", made());
}

#[test]
fn tensors_of_one_group_get_one_scale_from_ranges_that_differ() {
    let (prepared, plan) = planned(&made().join("bare_attributes.onnx")).unwrap();
    let mut ranges = Ranges::new("by hand");
    for (tensor, amax) in plan.taps().zip([1.0, 2.0, 3.0, 4.0]) {
        ranges.set(&prepared.graph().tensor(tensor).name, amax).unwrap();
    }
    let quantized = prepared.quantize(&plan, &ranges, &Weights::default()).unwrap();
    let scale = |name: &str| match quantized.constant(&format!("{name}_scale")).unwrap().unwrap().data() {
        Data::F32(values) => values[0],
        other => panic!("a scale is {}", other.view().dtype()),
    };
    assert!(plan.groups.iter().any(|group| group.len() == 2), "the pooling shares its scale");
    assert_eq!(scale("x"), 1.0 / 127.0);
    assert_eq!((scale("a"), scale("p")), (3.0 / 127.0, 3.0 / 127.0));
}

/// From opset 19 on, 16-bit data has scales of its type. A step that is no normal number of it is raised for
/// weights. An activation with such a step is cast to f32 around its pair.
#[test]
fn half_precision_has_scales_of_its_own() {
    let least = f16::MIN_POSITIVE;
    for (name, kind, small) in [
        ("half_scales", RuntimeKind::Embedded, None),
        ("half_small", RuntimeKind::Embedded, Some("c")),
        ("half_small", RuntimeKind::OnnxRuntime, Some("c")),
    ] {
        let (prepared, plan, ranges) = calibrated(&made().join(format!("{name}.onnx")), kind).unwrap();
        let said = "are no normal numbers of their 16-bit type";
        let found: Vec<_> = ranges.findings.iter().filter(|finding| finding.message.contains(said)).collect();
        let about: Vec<&str> =
            found.iter().flat_map(|finding| &finding.tensors).map(String::as_str).collect();
        assert_eq!(about, Vec::from_iter(small), "{name}");
        let applied = prepared.plan_for_ranges(&Policy::default(), &ranges).unwrap();
        assert_eq!(applied.findings.iter().any(|finding| finding.message.contains(said)), small.is_some());
        for form in [WeightForm::Int8, WeightForm::Float] {
            let weights = Weights { form, method: Method::Max, ..Default::default() };
            let quantized = prepared.quantize(&plan, &ranges, &weights).unwrap();
            let casts = quantized.nodes().filter(|node| node.op() == "Cast").count();
            assert_eq!(casts, if small.is_some() { 2 } else { 0 }, "{name}");
            let scale = |tensor: &str| quantized.constant(&format!("{tensor}_scale")).unwrap().unwrap();
            let Data::F16(steps) = scale("w").data().clone() else { panic!("{name}: the scales of w") };
            assert_eq!(steps[0], least);
            assert!(steps[1..].iter().all(|step| *step > least));
            let x = f16::from_f32(ranges.get("x").unwrap() / 127.0);
            assert_eq!(*scale("x").data(), Data::F16(vec![x]));
            if let Some(small) = small {
                assert_eq!(*scale(small).data(), Data::F32(vec![ranges.get(small).unwrap() / 127.0]));
            }
            let Some(Data::I8(integers)) =
                quantized.constant("w_quantized").unwrap().map(|tensor| tensor.into_data())
            else {
                assert_eq!(form, WeightForm::Float);
                continue;
            };
            // The integers are those of the rounded steps.
            let value = prepared.model().constant("w").unwrap().unwrap();
            let view = value.data().view();
            let values = view.to_f32().unwrap();
            for (at, (value, integer)) in values.iter().zip(integers).enumerate() {
                let nearest = (value / steps[at / 27].to_f32()).round_ties_even().clamp(-128.0, 127.0);
                assert_eq!(f32::from(integer), nearest, "{at}");
            }
        }
    }
}

#[test]
fn the_embedded_runtime_runs_convolutions_and_pooling_that_leave_their_steps_out() {
    let path = made().join("bare_attributes.onnx");
    let ranges = |kind| calibrated(&path, kind).unwrap().2;
    let (embedded, reference) = (ranges(RuntimeKind::Embedded), ranges(RuntimeKind::OnnxRuntime));
    assert_eq!(embedded.len(), 3);
    for ((name, amax), (_, expected)) in embedded.iter().zip(reference.iter()) {
        assert!((amax / expected - 1.0).abs() < 1e-4, "{name}: {amax} and {expected}");
    }
}

/// The result of a comparison does not depend on the runtime.
#[test]
fn both_runtimes_measure_the_same() {
    let path = made().join("rank_3_weight.onnx");
    let (prepared, plan, ranges) = calibrated(&path, RuntimeKind::Embedded).unwrap();
    let quantized = prepared.quantize(&plan, &ranges, &Weights::default()).unwrap();
    let measured = [RuntimeKind::Embedded, RuntimeKind::OnnxRuntime].map(|kind| {
        let inputs = prepared.model().inputs();
        let mut data = batch::open(&[path.with_extension("npz")], &inputs, &Default::default()).unwrap();
        let onnxruntime = (kind == RuntimeKind::OnnxRuntime).then(onnxruntime);
        let runtime = RuntimeOptions { kind, onnxruntime, threads: Some(1) };
        let options = CompareOptions { runtime, ..Default::default() };
        let compared =
            pipeline::compare(prepared.model(), &quantized, data.as_mut(), &options, &mut go_on).unwrap();
        compared.outputs[0].metrics.sqnr_db().unwrap()
    });
    assert!((measured[0] - measured[1]).abs() < 0.1 && measured[0] > 25.0, "{measured:?}");
}
