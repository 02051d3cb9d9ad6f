//! Models with what the user says about their inputs.

use std::path::Path;

use qdq::dtype::DataType;
use qdq::error::{Error, ErrorKind, Result};
use qdq::onnx::Model;
use qdq::tensor::{Data, Dim, Tensor, TensorSpec, element_count};

use super::of_option;
use crate::args::InputArgs;

/// Opens a model.
pub fn model(path: &Path, args: &InputArgs) -> Result<Model> {
    let mut model = Model::open(path)?;
    settle(&mut model, args, |_, _| true)?;
    Ok(model)
}

/// Opens the quantized form of a model, which may have lost inputs that were fixed.
pub fn quantized(path: &Path, args: &InputArgs) -> Result<Model> {
    let mut model = Model::open(path)?;
    settle(&mut model, args, |model, name| model.declared(name).is_ok())?;
    Ok(model)
}

fn settle(model: &mut Model, args: &InputArgs, takes: impl Fn(&Model, &str) -> bool) -> Result<()> {
    for typed in &args.input_shape {
        let (name, text) = of_option("--input-shape", divided(typed, "images=1x3x640x640"))?;
        if takes(model, name) {
            of_option("--input-shape", shape(text).and_then(|shape| model.set_input_shape(name, &shape)))?;
        }
    }
    for typed in &args.input {
        let (name, text) = of_option("--input", divided(typed, "sr=16000"))?;
        if takes(model, name) {
            let value = model.declared(name).and_then(|declared| value(&declared, text));
            of_option("--input", value.and_then(|value| model.fix_input(name, value)))?;
        }
    }
    Ok(())
}

/// Name and value. Names may hold a `=`, values do not.
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

/// The most elements that one number stands for.
const MOST_SPREAD: usize = 1 << 24;

/// Numbers of the type and shape that the model declares. One number fills a shape; sizes that are open are 1 then.
fn value(declared: &TensorSpec, text: &str) -> Result<Tensor> {
    let bad = |what: String, remedy: &str| {
        Error::new(ErrorKind::InvalidArgument, format!("input '{}': {what}", declared.name))
            .with_remedy(remedy)
    };
    let numbers: Vec<&str> = text.split(',').map(str::trim).collect();
    let dims = declared.shape.clone().unwrap_or_else(|| vec![Dim::Unknown; usize::from(numbers.len() > 1)]);
    let open = dims.iter().filter(|dim| !matches!(dim, Dim::Fixed(_))).count();
    let sizes: Vec<usize> =
        dims.iter().map(|dim| if let Dim::Fixed(size) = dim { *size } else { 1 }).collect();
    let fixed = element_count(&sizes)?;
    // What one open size must be.
    let rest = if open == 1 && numbers.len() > 1 { numbers.len() / fixed.max(1) } else { 1 };
    let shape: Vec<usize> =
        dims.iter().map(|dim| if let Dim::Fixed(size) = dim { *size } else { rest }).collect();
    let count = element_count(&shape)?;
    if numbers.len() == 1 && count > MOST_SPREAD {
        let what = format!("one number would be spread over the {count} elements of {shape:?}");
        return Err(bad(what, "give such an input as data"));
    }
    if numbers.len() != 1 && numbers.len() != count {
        let what = format!("{} numbers do not fill the shape {shape:?}", numbers.len());
        return Err(bad(what, "give one number for all elements, or as many as there are, row by row"));
    }
    let spread: Vec<&str> = if numbers.len() == 1 { vec![numbers[0]; count] } else { numbers };
    let dtype = declared.dtype.unwrap_or(DataType::F32);
    let data = parsed(&spread, dtype).ok_or_else(|| {
        bad(format!("'{text}' is not {dtype}"), "give numbers of the input's type, separated by commas")
    })?;
    Tensor::new(shape, data)
}

fn parsed(numbers: &[&str], dtype: DataType) -> Option<Data> {
    fn all<T: std::str::FromStr>(numbers: &[&str]) -> Option<Vec<T>> {
        numbers.iter().map(|number| number.parse().ok()).collect()
    }
    let truth = |number: &&str| match *number {
        "true" | "1" => Some(1),
        "false" | "0" => Some(0),
        _ => None,
    };
    Some(match dtype {
        DataType::F32 => Data::F32(all(numbers)?),
        DataType::F16 => Data::F16(all(numbers)?),
        DataType::Bf16 => Data::Bf16(all(numbers)?),
        DataType::F64 => Data::F64(all(numbers)?),
        DataType::I8 => Data::I8(all(numbers)?),
        DataType::U8 => Data::U8(all(numbers)?),
        DataType::I16 => Data::I16(all(numbers)?),
        DataType::U16 => Data::U16(all(numbers)?),
        DataType::I32 => Data::I32(all(numbers)?),
        DataType::U32 => Data::U32(all(numbers)?),
        DataType::I64 => Data::I64(all(numbers)?),
        DataType::U64 => Data::U64(all(numbers)?),
        DataType::Bool => Data::Bool(numbers.iter().map(truth).collect::<Option<_>>()?),
        _ => return None,
    })
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
        let cases: [(TensorSpec, &str, Option<Tensor>); 7] = [
            (spec(DataType::I64, &[]), "16000", Tensor::new(vec![], vec![16000i64]).ok()),
            (spec(DataType::F32, &[Some(2), Some(2)]), "0.5", Tensor::new(vec![2, 2], vec![0.5f32; 4]).ok()),
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
