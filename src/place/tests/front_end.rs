use super::*;

/// Lists the nodes that stay in float because of a front end.
fn left(graph: &Graph, policy: &Policy) -> Vec<String> {
    let plan = plan(graph, policy).unwrap();
    let is_left =
        |found: &&Decision| found.verdict == Verdict::Float && found.reason.contains("front-end=int8");
    plan.decisions.iter().filter(is_left).map(|found| graph.node(found.node).name.clone()).collect()
}

/// Real and imaginary part of one convolution, squared, added and rooted, for a layer to read.
const SPECTRUM: &str = "Pad x p[6] -> padded
     Unsqueeze padded -> one
     Conv one w[258,1,256] -> both
     Slice both from[1] to[1] -> re
     Slice both from[1] to[1] -> im
     Cast re -> re32
     Pow re32 two[] -> re2
     Pow im two[] -> im2
     Add re2 im2 -> power\n";

#[test]
fn bases_and_what_reads_their_squares_stay_in_float() {
    let of_spectrum = |rest: &str| format!("{SPECTRUM}{rest}");
    for (lines, expected) in [
        // A layer reads the magnitudes, and the next one what an activation function made of them.
        (
            of_spectrum(
                "Sqrt power -> m
                 Conv m w1[128,129,3] -> a
                 Relu a -> r
                 Conv r w2[64,128,3] -> y",
            ),
            &["Conv_2", "Conv_10"][..],
        ),
        // The mel basis lies before the Log; the layer behind it is quantized.
        (
            of_spectrum(
                "Transpose power -> t
                 MatMul t mel[129,40] -> energies
                 Clip energies least[] -> c
                 Log c -> l
                 Conv l w1[64,40,3] -> y",
            ),
            &["Conv_2", "MatMul_10"],
        ),
        (of_spectrum("Add power eps[] -> raised\nLog raised -> l\nMatMul l w1[129,40] -> y"), &["Conv_2"]),
        // Each part by a basis of its own.
        (
            "Conv x w[129,1,256] -> re
             Conv x w1[129,1,256] -> im
             Mul re re -> re2
             Mul im im -> im2
             Add re2 im2 -> y"
                .to_owned(),
            &["Conv_0", "Conv_1"],
        ),
        // Wavelets of an image, whose modulus is taken; and the norm of pairs.
        ("Conv x w[16,1,7,7] -> a\nAbs a -> y".to_owned(), &["Conv_0"]),
        ("Conv x w[16,1,7] -> a\nReshape a s[3] -> b\nReduceL2 b -> y".to_owned(), &["Conv_0"]),
        ("Conv x w[16,1,7] -> a\nReduceSumSquare a -> y".to_owned(), &["Conv_0"]),
        // Frames of the input, windowed, by a product from either side.
        (
            "Gather x i[40,256] -> f
             Mul f window[256] -> g
             MatMul g w[256,258] -> a
             Split a -> re im
             Mul re re -> re2
             Mul im im -> im2
             Add re2 im2 -> y"
                .to_owned(),
            &["MatMul_2"],
        ),
        ("MatMul w[258,256] x -> a\nAbs a -> y".to_owned(), &["MatMul_0"]),
        ("Gemm x w[256,258] -> a\nAbs a -> y".to_owned(), &["Gemm_0"]),
        // The operator has no weight of its own.
        ("STFT x step[] window[256] -> a\nMul a a -> b\nMatMul b mel[129,40] -> y".to_owned(), &["MatMul_2"]),
        // A shape is read without values.
        ("Conv x w[16,1,7] -> a\nShape a -> s\nAbs a -> y".to_owned(), &["Conv_0"]),
    ] {
        let graph = graph(&lines);
        assert_eq!(left(&graph, &Policy::default()), expected, "{lines}");
        let all = Policy { front_end: FrontEnd::Int8, ..Policy::default() };
        assert_eq!(left(&graph, &all), [""; 0], "{lines}");
    }
}

#[test]
fn first_layers_of_other_networks_are_quantized() {
    for lines in [
        "Conv x w[16,1,3,3] -> a\nRelu a -> y",
        "Conv x w[16,1,3,3] -> a\nBatchNormalization a s[16] b[16] m[16] v[16] -> n\nRelu n -> y",
        // Three channels, one channel in each of several groups, and a weight that is computed.
        "Conv x w[16,3,3,3] -> a\nAbs a -> y",
        "Conv:group=16 x w[16,1,3,3] -> a\nAbs a -> y",
        "Relu x1 -> w\nConv x w -> a\nAbs a -> y",
        // Activation functions and norms that are written out read the result beside its square.
        "Conv x w[16,1,3,3] -> a\nSigmoid a -> s\nMul a s -> y",
        "Conv x w[16,1,3] -> a\nMul a a -> b\nMul b a -> c\nAdd a c -> d\nTanh d -> t\nMul a t -> y",
        "Conv x w[16,1,3] -> a\nReduceL2 a -> n\nDiv a n -> y",
        "Conv x w[16,1,3] -> a\nReduceMean a -> m\nSub a m -> d\nPow d two[] -> y",
        "Conv x w[16,1,3] -> a\nRelu a -> r\nMul r r -> y",
        // Twice a value is no square.
        "Conv x w[16,1,3] -> a\nAdd a a -> y",
        // A product whose data is computed, as in a network's middle.
        "Relu x -> r\nMatMul r w[16,16] -> a\nMul a a -> y",
        "MatMul x x1 -> a\nMul a a -> y",
        // A network that ends at the basis.
        "Conv x w[16,1,3] -> y",
    ] {
        assert_eq!(left(&graph(lines), &Policy::default()), [""; 0], "{lines}");
    }
}

/// Flattened Ifs capture the results of their branches.
#[test]
fn a_front_end_is_followed_out_of_a_branch() {
    let make = |op: &str| {
        let mut graph = graph("Conv x w[16,1,7] -> a\nMul a a -> b\nRelu x1 -> condition");
        let [a, b, condition] = ["a", "b", "condition"].map(|name| graph.find(name).unwrap());
        for (name, captured, output) in [("outer", b, "magnitude"), ("aside", a, "other")] {
            let node = NewNode {
                name,
                op: if name == "outer" { "If" } else { op },
                inputs: &[Some(condition)],
                outputs: &[Some(output)],
                captures: &[captured],
                ..NewNode::default()
            };
            graph.add_node(node).unwrap();
        }
        let [magnitude, other] = ["magnitude", "other"].map(|name| graph.find(name).unwrap());
        let w1 = tensor(&mut graph, "w1[16,16]");
        for (op, inputs, output) in
            [("MatMul", &[Some(magnitude), Some(w1)][..], "y"), ("Abs", &[Some(other)], "z")]
        {
            graph.add_node(NewNode { op, inputs, outputs: &[Some(output)], ..NewNode::default() }).unwrap();
        }
        graph
    };
    assert_eq!(left(&make("If"), &Policy::default()), ["Conv_0", "MatMul_5"]);
    assert_eq!(left(&make("Loop"), &Policy::default()), [""; 0], "a Loop may do anything with the result");
}

#[test]
fn formats_of_weights_alone_take_front_ends() {
    let lines = "MatMul x w[256,258] -> a\nAbs a -> b\nMatMul b w1[258,64] -> y";
    for (format, expected) in [
        (Format::Int8, &["MatMul_0", "MatMul_2"][..]),
        (Format::Fp8, &["MatMul_0", "MatMul_2"]),
        (Format::Int8Weights, &[]),
    ] {
        let policy = Policy { format, ..Policy::default() };
        assert_eq!(left(&graph(lines), &policy), expected, "{format}");
    }
}

#[test]
fn the_least_share_counts_no_front_end() {
    let front = graph("Conv x w[16,1,7] -> a\nAbs a -> b\nLog b -> l\nConv l w1[8,16,3] -> y");
    let policy = Policy { min_quantized: 1.0, ..Policy::default() };
    assert_eq!(left(&front, &policy), ["Conv_0"]);
}

/// A pair of another tool is the user's decision.
#[test]
fn a_basis_that_is_quantized_already_is_completed() {
    let lines = "QuantizeLinear x s[] -> q\nDequantizeLinear q s[] -> d\nConv d w[16,1,7] -> a\nAbs a -> y";
    let mut graph = graph(lines);
    graph.describe(graph.find("q").unwrap(), Some(DataType::I8), None);
    assert_eq!(left(&graph, &Policy::default()), [""; 0]);
}
