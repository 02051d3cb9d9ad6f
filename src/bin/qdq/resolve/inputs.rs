//! Opens models with the user's settings for their inputs.

use std::path::Path;

use qdq::dtype::DataType;
use qdq::error::{Error, ErrorKind, Result};
use qdq::finding::counted;
use qdq::onnx::Model;
use qdq::tensor::{Data, Dim, Tensor, TensorSpec, element_count, show_dims};

use super::of_option;
use crate::args::InputArgs;

/// Opens a model.
pub fn model(path: &Path, args: &InputArgs) -> Result<Model> {
    let mut model = Model::open(path)?;
    settle(&mut model, args, |_, _| true)?;
    Ok(model)
}

/// Opens the quantized form of a model. It may lack inputs that were fixed.
pub fn quantized(path: &Path, args: &InputArgs) -> Result<Model> {
    let mut model = Model::open(path)?;
    settle(&mut model, args, |model, name| model.declared(name).is_ok())?;
    Ok(model)
}

fn settle(model: &mut Model, args: &InputArgs, takes: impl Fn(&Model, &str) -> bool) -> Result<()> {
    for (name, text) in by_name("--input-shape", &args.input_shape, "images=1x3x640x640")? {
        if takes(model, name) {
            of_option("--input-shape", shape(text).and_then(|shape| model.set_input_shape(name, &shape)))?;
        }
    }
    for (name, text) in by_name("--input", &args.input, "sr=16000")? {
        if takes(model, name) {
            // A shape from --input-shape goes before the declared one.
            let stated = model.inputs().into_iter().find(|spec| spec.name == name);
            let declared = stated.map_or_else(|| model.declared(name), Ok);
            let value = declared.and_then(|declared| value(&declared, text));
            of_option("--input", value.and_then(|value| model.fix_input(name, value)))?;
        }
    }
    Ok(())
}

/// Returns the value for each name. A name may occur only once.
fn by_name<'t>(option: &str, typed: &'t [String], example: &str) -> Result<Vec<(&'t str, &'t str)>> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    for one in typed {
        let (name, text) = of_option(option, divided(one, example))?;
        if let Some((_, before)) = all.iter().find(|(known, _)| *known == name) {
            let message = format!("{option}: '{name}' is given twice, as {before} and as {text}");
            return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("give it once"));
        }
        all.push((name, text));
    }
    Ok(all)
}

/// Splits into name and value at the last `=`. Names may contain a `=`, values may not.
fn divided<'t>(typed: &'t str, example: &str) -> Result<(&'t str, &'t str)> {
    typed.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!("'{typed}' is no name and value"))
            .with_remedy(format!("write it as {example}"))
    })
}

fn shape(text: &str) -> Result<Vec<Dim>> {
    let dim = |part: &str| match part {
        "?" => Ok(Dim::Unknown),
        size => size.parse().map(Dim::Fixed).map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, format!("'{text}' is no shape"))
                .with_remedy("write it as 1x3x640x640, with ? for a size that the data decides")
        }),
    };
    if text.is_empty() { Ok(Vec::new()) } else { text.split('x').map(dim).collect() }
}

/// Parses numbers into the type and shape that the model declares, with one number for each element.
///
/// If the shape leaves one size open, the number of values decides it.
fn value(declared: &TensorSpec, text: &str) -> Result<Tensor> {
    let bad = |what: String, remedy: &str| {
        Error::new(ErrorKind::InvalidArgument, format!("input '{}': {what}", declared.name))
            .with_remedy(remedy)
    };
    let numbers: Vec<&str> = text.split(',').map(str::trim).collect();
    let dims = declared.shape.clone().unwrap_or_else(|| vec![Dim::Unknown; usize::from(numbers.len() > 1)]);
    let open = dims.iter().filter(|dim| !matches!(dim, Dim::Fixed(_))).count();
    if open > 1 {
        let what = format!("its shape {} leaves more than one size open", show_dims(&dims));
        return Err(bad(what, "state the shape as well, with --input-shape, or give the input as data"));
    }
    let size_by = |open: usize| move |dim: &Dim| if let Dim::Fixed(size) = dim { *size } else { open };
    let others = element_count(&dims.iter().map(size_by(1)).collect::<Vec<_>>())?;
    let shape: Vec<usize> = dims.iter().map(size_by(numbers.len() / others.max(1))).collect();
    if numbers.len() != element_count(&shape)? {
        let given = counted(numbers.len(), "number");
        let what = format!("{given} for the shape {}, which the model declares", show_dims(&dims));
        return Err(bad(what, "give as many as there are elements, row by row, or give the input as data"));
    }
    let dtype = declared.dtype.unwrap_or(DataType::F32);
    let data = Data::parse(dtype, &numbers).ok_or_else(|| {
        bad(format!("'{text}' is not {dtype}"), "give numbers of the input's type, separated by commas")
    })?;
    Tensor::new(shape, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(dtype: DataType, shape: &[Option<usize>]) -> TensorSpec {
        let dims = shape.iter().map(|size| size.map_or(Dim::Unknown, Dim::Fixed)).collect();
        TensorSpec { name: "x".to_owned(), dtype: Some(dtype), shape: Some(dims) }
    }

    #[test]
    fn values_have_the_declared_type_and_shape() {
        let cases: [(TensorSpec, &str, Option<Tensor>); 11] = [
            (spec(DataType::I64, &[]), "16000", Tensor::new(vec![], vec![16000i64]).ok()),
            (spec(DataType::F32, &[Some(1), Some(1)]), "0.5", Tensor::new(vec![1, 1], vec![0.5f32]).ok()),
            (spec(DataType::F32, &[Some(2), Some(2)]), "0.5", None),
            (spec(DataType::F32, &[None, Some(3)]), "0.5", None),
            (spec(DataType::F32, &[None, None]), "0.5", None),
            (spec(DataType::F32, &[Some(0)]), "0.5", None),
            (
                spec(DataType::F32, &[None, Some(2)]),
                "1, 2, 3,4",
                Tensor::new(vec![2, 2], vec![1f32, 2., 3., 4.]).ok(),
            ),
            (spec(DataType::F32, &[None]), "7", Tensor::new(vec![1], vec![7f32]).ok()),
            (spec(DataType::Bool, &[Some(1)]), "true", Tensor::new(vec![1], Data::Bool(vec![1])).ok()),
            (spec(DataType::I64, &[]), "1.5", None),
            (spec(DataType::I64, &[Some(3)]), "1,2", None),
        ];
        for (declared, text, expected) in cases {
            assert_eq!(value(&declared, text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn shapes_and_names() {
        assert_eq!(shape("?x3").unwrap(), [Dim::Unknown, Dim::Fixed(3)]);
        assert!(shape("1x-3").is_err() && shape("1,3").is_err());
        assert_eq!(divided("a=b=3", "").unwrap(), ("a=b", "3"));
        assert!(divided("3", "").is_err() && divided("=3", "").is_err());
    }
}
