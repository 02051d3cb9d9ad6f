# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_qdq_global_optspecs
    string join \n json v/verbose q/quiet h/help V/version
end

function __fish_qdq_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_qdq_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_qdq_using_subcommand
    set -l cmd (__fish_qdq_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c qdq -n "__fish_qdq_needs_command" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_needs_command" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_needs_command" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_needs_command" -s h -l help -d 'Print help'
complete -c qdq -n "__fish_qdq_needs_command" -s V -l version -d 'Print version'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "quantize" -d 'Calibrate a float model and write its Q/DQ form'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "calibrate" -d 'Compute ranges, a calibration cache or statistics, without writing a model'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "cast" -d 'Convert a model to half precision, without quantizing it'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "apply" -d 'Make a Q/DQ model from ranges or from a TensorRT calibration cache, without data'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "engine" -d 'Build TensorRT\'s engine of a model, as it is or with ranges'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "cost" -d 'Show which kernels an engine runs and what they move'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "merge" -d 'Merge statistics of several calibrations of one model'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "cache" -d 'Look at, check and convert TensorRT calibration caches'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "compare" -d 'Measure how far a quantized model is from the float model'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "sensitivity" -d 'Measure what quantizing each layer alone costs'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "inspect" -d 'Show which nodes would be quantized and why'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "info" -d 'Show the version, the kernels in use and the runtimes found'
complete -c qdq -n "__fish_qdq_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -s d -l data -d 'Samples: .npz, .npy, raw binary, images (JPEG, PNG, BMP, GIF, WebP, TIFF, PNM), or folders of them; NAME= if the model has several inputs' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l batch-size -d 'Samples per batch [default: the model\'s batch size, or 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l feeds -d 'Content of arrays: samples along the first axis, or whole feeds, each for one run of the model' -r -f -a "auto\t'Samples, unless an input has no axis for them in front or the arrays fit as whole feeds only'
samples\t'Samples along the first axis'
whole\t'One .npz per run with every input in its declared shape, or the runs along one more axis in front'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l limit -d 'Use at most this many samples, or whole feeds' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l seed -d 'Draw the --limit samples at random instead of taking the first; the same number draws the same samples' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l raw -d 'Type and shape of one sample in raw files, such as f32:3x224x224 [default: the model\'s]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l image-size -d 'Height and width of the model\'s images [default: by the input\'s shape]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l resize -d 'Way to bring images to that size' -r -f -a "stretch\t'Without regard to the proportions'
crop\t'Fill the size and cut off the rest'
letterbox\t'Fit into the size and fill up the rest'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l resize-filter -d 'Interpolation of pixels of another size' -r -f -a "antialias\t'Bilinear over all pixels that fall on one, as Pillow and torchvision'
opencv\t'Bilinear between four pixels, bit for bit as OpenCV\'s resize (INTER_LINEAR)'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l exif -d 'Treatment of the orientation that a camera stored in an image' -r -f -a "ignore\t'Pixels as the file has them, as Pillow; a warning if images have another orientation'
apply\t'Images as they are shown, as OpenCV\'s imread'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l shorter-side -d 'With --resize crop: length of the shorter side before the centre is cut out, such as 256' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l channels -d 'Order of the colours in the model\'s input' -r -f -a "rgb\t''
bgr\t''
gray\t''"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l scale -d 'Factor of pixels (0 to 255), before anything else [default: 1/255]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l mean -d 'Mean to subtract from the scaled pixels, one number or one per channel [default: 0]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l std -d 'Divisor after that, one number or one per channel [default: 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l fill -d 'Pixel value around letterboxed images' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l layout -d 'Order of the axes in the model\'s input [default: by the input\'s shape]' -r -f -a "nchw\t''
nhwc\t''"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -s o -l output -d 'File of the Q/DQ model' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l method -d 'Calibration method of activations: max, entropy, percentile[=P], mse, or auto, which measures the best one for each tensor [default: mse]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l cache -d 'Write a TensorRT calibration cache' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l tensorrt-version -d 'The TensorRT that reads the cache, such as 8.5.1, 10.3.0 or 8501' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l algorithm -d 'The calibrator that reads the cache, such as EntropyCalibration2 (trtexec\'s) or MinMaxCalibration' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l ranges -d 'Write the ranges as JSON' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l stats -d 'Write the statistics, from which ranges can be computed again by any method' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l report -d 'Compare the result with the float model on the calibration data, and write a report: a page (.html) or data (.json)' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l include -d 'Quantize only nodes whose name matches (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l include-op -d 'Quantize only nodes of this operator, such as Conv; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l exclude -d 'Never quantize nodes whose name matches; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l exclude-op -d 'Never quantize nodes of this operator; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l format -d 'Format of quantized numbers: int8, fp8 (e4m3), or weights alone as int8 or as int4 in blocks' -r -f -a "int8\t'Weights and activations as 8-bit integers'
fp8\t'Weights and activations as 8-bit floats, for GPUs from SM 8.9 on'
int8-weights\t'Weights of products as 8-bit integers, without data'
int4-weights\t'Weights of products as 4-bit integers in blocks, without data'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l format-of -d 'Format of nodes whose name matches; the first match decides; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l block-size -d 'With int4-weights: weights in a row that share a scale, 128 or 64 [default: 128 if it divides the input axis, else 64]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l attention -d 'Treatment of the two products of an attention; its projections are always quantized' -r -f -a "auto\t'Quantized up to 512 keys, and in float above; the data decides if the model leaves the number open'
int8\t'Quantized'
float\t'In float'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l front-end -d 'Treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are squared or lose their sign, and the first layer that reads those before a Log' -r -f -a "float\t'In float if the format quantizes activations'
int8\t'Quantized'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l target -d 'The product that builds the engine [default: tensorrt; with an engine, the product of the library]' -r -f -a "tensorrt\t'TensorRT'
rtx\t'TensorRT-RTX: a convolution\'s weight has one scale, and its channels\' scales follow the convolution'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l min-quantized -d 'Fail if less than this share of the convolutions and products that may be quantized would be, from 0 to 1' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l weights -d 'Storage of weights in int8' -r -f -a "int8\t'As int8 with DequantizeLinear: a quarter of the size'
float\t'As float with QuantizeLinear and DequantizeLinear'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l weight-bits -d 'Bits of a weight\'s integer; fewer than 8 are stored as int8 all the same, on a coarser grid' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l weight-method -d 'Calibration method of weights [default: mse]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l min-sqnr -d 'Leave layers in float until every floating-point output has at least this SQNR; exit 1 if that is not enough' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l output-min -d 'The same for one output; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l max-disagreement -d 'Leave layers in float until at most this share of the samples gets another class, such as 0.5%' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l top-k -d 'With --max-disagreement: the float model\'s class must be among the K best of the quantized model' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l metric -d 'Leave layers in float until this program is satisfied: it reads the path of an .npz file with the outputs of both models from its standard input, and prints one number' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l min-metric -d 'The least number of the program' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l max-metric -d 'The largest number of the program' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l metric-timeout -d 'Seconds that the program may take each time' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l float32 -d 'Keep nodes with a matching name in float32 (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l float32-op -d 'Keep nodes of this operator in float32; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l half -d 'Compute nodes with a matching name in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l half-op -d 'Compute nodes of this operator in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l opset -d 'Opset to which an older model is raised [default: what the format and half precision need, at least 13]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l runtime -d 'Runtime that runs the model' -r -f -a "embedded\t'The runtime inside this program'
onnxruntime\t'ONNX Runtime\'s shared library'
auto\t'ONNX Runtime if it is found, else the embedded runtime'"
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l onnxruntime -d 'Path of ONNX Runtime\'s library or of its folder, if it is not found by itself' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l threads -d 'Threads of the runtime [default: one per physical core]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l engine -d 'Also build TensorRT\'s engine and write it here' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l tensorrt -d 'libnvinfer or libtensorrt_rtx, or its folder [default: found, or QDQ_TENSORRT]' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l shapes -d 'Shapes of an input that the model leaves open, such as image=1x3x224x224:8x3x224x224:16x3x224x224; one shape stands for all three; repeatable, and an input that comes again begins the next profile' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l workspace -d 'The builder\'s workspace in MiB [default: all of the GPU]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l timing-cache -d 'Keep measured times in this file for later builds' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l compute-capability -d 'TensorRT-RTX: build for a GPU of this compute capability, such as 8.6; repeatable [default: this machine\'s]' -r
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l conv-weights -d 'With int8-weights: also the weights of convolutions, which TensorRT still computes in float'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l per-tensor-weights -d 'One scale per weight instead of one per output channel'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l equalize -d 'Give channels between two layers scales of their own (cross-layer equalization)'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l smooth -d 'Give channels in front of a layer scales of their own if no layer before can take them; adds a Mul if constants before cannot either (smoothing)'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l awq -d 'With int4-weights: give input channels of weights scales of their own, by the size of the activations (AWQ)'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l learned-rounding -d 'Round each weight up or down to lower the error of its layer\'s output on the data'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l bias-correction -d 'Correct biases by the mean error of each layer\'s output on the data'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l best -d 'Try everything that may improve the model, and keep what helps on samples that are held out: ranges, recovery, up to two layers in float'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l fp16 -d 'Compute a node in float16 if it is not INT8 and its values allow it; in an engine, a weakly typed TensorRT (8 to 10) chooses the float16 layers itself'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l bf16 -d 'Compute a node in bfloat16 if it is not INT8 and its values allow it'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l half-io -d 'Change the type of the model\'s float32 inputs and outputs too'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l detailed -d 'Keep the details of layers in the engine, so that its kernels and what they move are shown (TensorRT 8.2 to 11; engines of TensorRT-RTX always have them)'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand quantize" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -s d -l data -d 'Samples: .npz, .npy, raw binary, images (JPEG, PNG, BMP, GIF, WebP, TIFF, PNM), or folders of them; NAME= if the model has several inputs' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l batch-size -d 'Samples per batch [default: the model\'s batch size, or 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l feeds -d 'Content of arrays: samples along the first axis, or whole feeds, each for one run of the model' -r -f -a "auto\t'Samples, unless an input has no axis for them in front or the arrays fit as whole feeds only'
samples\t'Samples along the first axis'
whole\t'One .npz per run with every input in its declared shape, or the runs along one more axis in front'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l limit -d 'Use at most this many samples, or whole feeds' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l seed -d 'Draw the --limit samples at random instead of taking the first; the same number draws the same samples' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l raw -d 'Type and shape of one sample in raw files, such as f32:3x224x224 [default: the model\'s]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l image-size -d 'Height and width of the model\'s images [default: by the input\'s shape]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l resize -d 'Way to bring images to that size' -r -f -a "stretch\t'Without regard to the proportions'
crop\t'Fill the size and cut off the rest'
letterbox\t'Fit into the size and fill up the rest'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l resize-filter -d 'Interpolation of pixels of another size' -r -f -a "antialias\t'Bilinear over all pixels that fall on one, as Pillow and torchvision'
opencv\t'Bilinear between four pixels, bit for bit as OpenCV\'s resize (INTER_LINEAR)'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l exif -d 'Treatment of the orientation that a camera stored in an image' -r -f -a "ignore\t'Pixels as the file has them, as Pillow; a warning if images have another orientation'
apply\t'Images as they are shown, as OpenCV\'s imread'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l shorter-side -d 'With --resize crop: length of the shorter side before the centre is cut out, such as 256' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l channels -d 'Order of the colours in the model\'s input' -r -f -a "rgb\t''
bgr\t''
gray\t''"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l scale -d 'Factor of pixels (0 to 255), before anything else [default: 1/255]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l mean -d 'Mean to subtract from the scaled pixels, one number or one per channel [default: 0]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l std -d 'Divisor after that, one number or one per channel [default: 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l fill -d 'Pixel value around letterboxed images' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l layout -d 'Order of the axes in the model\'s input [default: by the input\'s shape]' -r -f -a "nchw\t''
nhwc\t''"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l from-stats -d 'Take statistics that were saved before instead of data' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l method -d 'Calibration method of activations: max, entropy, percentile[=P], mse, or auto, which measures the best one for each tensor [default: mse]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l cache -d 'Write a TensorRT calibration cache' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l tensorrt-version -d 'The TensorRT that reads the cache, such as 8.5.1, 10.3.0 or 8501' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l algorithm -d 'The calibrator that reads the cache, such as EntropyCalibration2 (trtexec\'s) or MinMaxCalibration' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l ranges -d 'Write the ranges as JSON' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l stats -d 'Write the statistics, from which ranges can be computed again by any method' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l include -d 'Quantize only nodes whose name matches (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l include-op -d 'Quantize only nodes of this operator, such as Conv; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l exclude -d 'Never quantize nodes whose name matches; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l exclude-op -d 'Never quantize nodes of this operator; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l format -d 'Format of quantized numbers: int8, fp8 (e4m3), or weights alone as int8 or as int4 in blocks' -r -f -a "int8\t'Weights and activations as 8-bit integers'
fp8\t'Weights and activations as 8-bit floats, for GPUs from SM 8.9 on'
int8-weights\t'Weights of products as 8-bit integers, without data'
int4-weights\t'Weights of products as 4-bit integers in blocks, without data'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l format-of -d 'Format of nodes whose name matches; the first match decides; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l block-size -d 'With int4-weights: weights in a row that share a scale, 128 or 64 [default: 128 if it divides the input axis, else 64]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l attention -d 'Treatment of the two products of an attention; its projections are always quantized' -r -f -a "auto\t'Quantized up to 512 keys, and in float above; the data decides if the model leaves the number open'
int8\t'Quantized'
float\t'In float'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l front-end -d 'Treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are squared or lose their sign, and the first layer that reads those before a Log' -r -f -a "float\t'In float if the format quantizes activations'
int8\t'Quantized'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l target -d 'The product that builds the engine [default: tensorrt; with an engine, the product of the library]' -r -f -a "tensorrt\t'TensorRT'
rtx\t'TensorRT-RTX: a convolution\'s weight has one scale, and its channels\' scales follow the convolution'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l min-quantized -d 'Fail if less than this share of the convolutions and products that may be quantized would be, from 0 to 1' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l runtime -d 'Runtime that runs the model' -r -f -a "embedded\t'The runtime inside this program'
onnxruntime\t'ONNX Runtime\'s shared library'
auto\t'ONNX Runtime if it is found, else the embedded runtime'"
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l onnxruntime -d 'Path of ONNX Runtime\'s library or of its folder, if it is not found by itself' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l threads -d 'Threads of the runtime [default: one per physical core]' -r
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l conv-weights -d 'With int8-weights: also the weights of convolutions, which TensorRT still computes in float'
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l per-tensor-weights -d 'One scale per weight instead of one per output channel'
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand calibrate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand cast" -s d -l data -d 'Samples: .npz, .npy, raw binary, images (JPEG, PNG, BMP, GIF, WebP, TIFF, PNM), or folders of them; NAME= if the model has several inputs' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l batch-size -d 'Samples per batch [default: the model\'s batch size, or 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l feeds -d 'Content of arrays: samples along the first axis, or whole feeds, each for one run of the model' -r -f -a "auto\t'Samples, unless an input has no axis for them in front or the arrays fit as whole feeds only'
samples\t'Samples along the first axis'
whole\t'One .npz per run with every input in its declared shape, or the runs along one more axis in front'"
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l limit -d 'Use at most this many samples, or whole feeds' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l seed -d 'Draw the --limit samples at random instead of taking the first; the same number draws the same samples' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l raw -d 'Type and shape of one sample in raw files, such as f32:3x224x224 [default: the model\'s]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l image-size -d 'Height and width of the model\'s images [default: by the input\'s shape]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l resize -d 'Way to bring images to that size' -r -f -a "stretch\t'Without regard to the proportions'
crop\t'Fill the size and cut off the rest'
letterbox\t'Fit into the size and fill up the rest'"
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l resize-filter -d 'Interpolation of pixels of another size' -r -f -a "antialias\t'Bilinear over all pixels that fall on one, as Pillow and torchvision'
opencv\t'Bilinear between four pixels, bit for bit as OpenCV\'s resize (INTER_LINEAR)'"
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l exif -d 'Treatment of the orientation that a camera stored in an image' -r -f -a "ignore\t'Pixels as the file has them, as Pillow; a warning if images have another orientation'
apply\t'Images as they are shown, as OpenCV\'s imread'"
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l shorter-side -d 'With --resize crop: length of the shorter side before the centre is cut out, such as 256' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l channels -d 'Order of the colours in the model\'s input' -r -f -a "rgb\t''
bgr\t''
gray\t''"
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l scale -d 'Factor of pixels (0 to 255), before anything else [default: 1/255]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l mean -d 'Mean to subtract from the scaled pixels, one number or one per channel [default: 0]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l std -d 'Divisor after that, one number or one per channel [default: 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l fill -d 'Pixel value around letterboxed images' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l layout -d 'Order of the axes in the model\'s input [default: by the input\'s shape]' -r -f -a "nchw\t''
nhwc\t''"
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l stats -d 'Take statistics that were saved before instead of data' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cast" -s o -l output -d 'File of the model in half precision' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l float32 -d 'Keep nodes with a matching name in float32 (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l float32-op -d 'Keep nodes of this operator in float32; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l half -d 'Compute nodes with a matching name in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l half-op -d 'Compute nodes of this operator in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l opset -d 'Opset to which an older model is raised [default: what the format and half precision need, at least 13]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l runtime -d 'Runtime that runs the model' -r -f -a "embedded\t'The runtime inside this program'
onnxruntime\t'ONNX Runtime\'s shared library'
auto\t'ONNX Runtime if it is found, else the embedded runtime'"
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l onnxruntime -d 'Path of ONNX Runtime\'s library or of its folder, if it is not found by itself' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l threads -d 'Threads of the runtime [default: one per physical core]' -r
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l fp16 -d 'Compute a node in float16 if it is not INT8 and its values allow it; in an engine, a weakly typed TensorRT (8 to 10) chooses the float16 layers itself'
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l bf16 -d 'Compute a node in bfloat16 if it is not INT8 and its values allow it'
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l half-io -d 'Change the type of the model\'s float32 inputs and outputs too'
complete -c qdq -n "__fish_qdq_using_subcommand cast" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand cast" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand cast" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand cast" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l ranges -d 'Ranges as JSON, or a TensorRT calibration cache; formats of weights alone need none' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand apply" -s o -l output -d 'File of the Q/DQ model' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l include -d 'Quantize only nodes whose name matches (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l include-op -d 'Quantize only nodes of this operator, such as Conv; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l exclude -d 'Never quantize nodes whose name matches; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l exclude-op -d 'Never quantize nodes of this operator; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l format -d 'Format of quantized numbers: int8, fp8 (e4m3), or weights alone as int8 or as int4 in blocks' -r -f -a "int8\t'Weights and activations as 8-bit integers'
fp8\t'Weights and activations as 8-bit floats, for GPUs from SM 8.9 on'
int8-weights\t'Weights of products as 8-bit integers, without data'
int4-weights\t'Weights of products as 4-bit integers in blocks, without data'"
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l format-of -d 'Format of nodes whose name matches; the first match decides; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l block-size -d 'With int4-weights: weights in a row that share a scale, 128 or 64 [default: 128 if it divides the input axis, else 64]' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l attention -d 'Treatment of the two products of an attention; its projections are always quantized' -r -f -a "auto\t'Quantized up to 512 keys, and in float above; the data decides if the model leaves the number open'
int8\t'Quantized'
float\t'In float'"
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l front-end -d 'Treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are squared or lose their sign, and the first layer that reads those before a Log' -r -f -a "float\t'In float if the format quantizes activations'
int8\t'Quantized'"
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l target -d 'The product that builds the engine [default: tensorrt; with an engine, the product of the library]' -r -f -a "tensorrt\t'TensorRT'
rtx\t'TensorRT-RTX: a convolution\'s weight has one scale, and its channels\' scales follow the convolution'"
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l min-quantized -d 'Fail if less than this share of the convolutions and products that may be quantized would be, from 0 to 1' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l weights -d 'Storage of weights in int8' -r -f -a "int8\t'As int8 with DequantizeLinear: a quarter of the size'
float\t'As float with QuantizeLinear and DequantizeLinear'"
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l weight-bits -d 'Bits of a weight\'s integer; fewer than 8 are stored as int8 all the same, on a coarser grid' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l weight-method -d 'Calibration method of weights [default: mse]' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l float32 -d 'Keep nodes with a matching name in float32 (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l float32-op -d 'Keep nodes of this operator in float32; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l half -d 'Compute nodes with a matching name in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l half-op -d 'Compute nodes of this operator in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l opset -d 'Opset to which an older model is raised [default: what the format and half precision need, at least 13]' -r
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l conv-weights -d 'With int8-weights: also the weights of convolutions, which TensorRT still computes in float'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l per-tensor-weights -d 'One scale per weight instead of one per output channel'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l fp16 -d 'Compute a node in float16 if it is not INT8 and its values allow it; in an engine, a weakly typed TensorRT (8 to 10) chooses the float16 layers itself'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l bf16 -d 'Compute a node in bfloat16 if it is not INT8 and its values allow it'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l half-io -d 'Change the type of the model\'s float32 inputs and outputs too'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -s o -l output -d 'File of the engine' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l ranges -d 'Quantize the float model by these ranges: JSON, or a TensorRT calibration cache' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l against -d 'Compare what the engine moves with another engine of the same network, such as the FP16 one' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l tensorrt -d 'libnvinfer or libtensorrt_rtx, or its folder [default: found, or QDQ_TENSORRT]' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l shapes -d 'Shapes of an input that the model leaves open, such as image=1x3x224x224:8x3x224x224:16x3x224x224; one shape stands for all three; repeatable, and an input that comes again begins the next profile' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l workspace -d 'The builder\'s workspace in MiB [default: all of the GPU]' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l timing-cache -d 'Keep measured times in this file for later builds' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l compute-capability -d 'TensorRT-RTX: build for a GPU of this compute capability, such as 8.6; repeatable [default: this machine\'s]' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l include -d 'Quantize only nodes whose name matches (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l include-op -d 'Quantize only nodes of this operator, such as Conv; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l exclude -d 'Never quantize nodes whose name matches; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l exclude-op -d 'Never quantize nodes of this operator; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l format -d 'Format of quantized numbers: int8, fp8 (e4m3), or weights alone as int8 or as int4 in blocks' -r -f -a "int8\t'Weights and activations as 8-bit integers'
fp8\t'Weights and activations as 8-bit floats, for GPUs from SM 8.9 on'
int8-weights\t'Weights of products as 8-bit integers, without data'
int4-weights\t'Weights of products as 4-bit integers in blocks, without data'"
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l format-of -d 'Format of nodes whose name matches; the first match decides; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l block-size -d 'With int4-weights: weights in a row that share a scale, 128 or 64 [default: 128 if it divides the input axis, else 64]' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l attention -d 'Treatment of the two products of an attention; its projections are always quantized' -r -f -a "auto\t'Quantized up to 512 keys, and in float above; the data decides if the model leaves the number open'
int8\t'Quantized'
float\t'In float'"
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l front-end -d 'Treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are squared or lose their sign, and the first layer that reads those before a Log' -r -f -a "float\t'In float if the format quantizes activations'
int8\t'Quantized'"
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l target -d 'The product that builds the engine [default: tensorrt; with an engine, the product of the library]' -r -f -a "tensorrt\t'TensorRT'
rtx\t'TensorRT-RTX: a convolution\'s weight has one scale, and its channels\' scales follow the convolution'"
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l min-quantized -d 'Fail if less than this share of the convolutions and products that may be quantized would be, from 0 to 1' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l weights -d 'Storage of weights in int8' -r -f -a "int8\t'As int8 with DequantizeLinear: a quarter of the size'
float\t'As float with QuantizeLinear and DequantizeLinear'"
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l weight-bits -d 'Bits of a weight\'s integer; fewer than 8 are stored as int8 all the same, on a coarser grid' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l weight-method -d 'Calibration method of weights [default: mse]' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l float32 -d 'Keep nodes with a matching name in float32 (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l float32-op -d 'Keep nodes of this operator in float32; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l half -d 'Compute nodes with a matching name in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l half-op -d 'Compute nodes of this operator in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l opset -d 'Opset to which an older model is raised [default: what the format and half precision need, at least 13]' -r
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l detailed -d 'Keep the details of layers in the engine, so that its kernels and what they move are shown (TensorRT 8.2 to 11; engines of TensorRT-RTX always have them)'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l conv-weights -d 'With int8-weights: also the weights of convolutions, which TensorRT still computes in float'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l per-tensor-weights -d 'One scale per weight instead of one per output channel'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l fp16 -d 'Compute a node in float16 if it is not INT8 and its values allow it; in an engine, a weakly typed TensorRT (8 to 10) chooses the float16 layers itself'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l bf16 -d 'Compute a node in bfloat16 if it is not INT8 and its values allow it'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l half-io -d 'Change the type of the model\'s float32 inputs and outputs too'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand engine" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand cost" -l against -d 'Compare with another engine of the same network, such as the FP16 one' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cost" -l tensorrt -d 'libnvinfer or its folder, for engines of TensorRT [default: found, or QDQ_TENSORRT]' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cost" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand cost" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand cost" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand cost" -s h -l help -d 'Print help'
complete -c qdq -n "__fish_qdq_using_subcommand merge" -s o -l output -d 'File of the merged statistics' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand merge" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand merge" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand merge" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand merge" -s h -l help -d 'Print help'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -s h -l help -d 'Print help'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -f -a "show" -d 'Print the header, and scale and range of every tensor'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -f -a "check" -d 'Find lines that TensorRT would fail on or ignore; exits 1 if there are any'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -f -a "convert" -d 'Write a cache with another header, a cache as ranges, or ranges as a cache'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and not __fish_seen_subcommand_from show check convert help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from show" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -l model -d 'Also compare the names with the tensors of this ONNX model' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -l tensorrt-version -d 'The TensorRT that reads the cache, such as 8.5.1, 10.3.0 or 8501' -r
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -l algorithm -d 'The calibrator that reads the cache, such as EntropyCalibration2 (trtexec\'s) or MinMaxCalibration' -r
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -l strict -d 'Let warnings fail too'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -s o -l output -d 'File of the result' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -l to -d 'Kind of output' -r -f -a "cache\t'A TensorRT calibration cache'
ranges\t'Ranges as JSON'"
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -l tensorrt-version -d 'The TensorRT that reads the cache, such as 8.5.1, 10.3.0 or 8501' -r
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -l algorithm -d 'The calibrator that reads the cache, such as EntropyCalibration2 (trtexec\'s) or MinMaxCalibration' -r
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print the header, and scale and range of every tensor'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "check" -d 'Find lines that TensorRT would fail on or ignore; exits 1 if there are any'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "convert" -d 'Write a cache with another header, a cache as ranges, or ranges as a cache'
complete -c qdq -n "__fish_qdq_using_subcommand cache; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c qdq -n "__fish_qdq_using_subcommand compare" -s d -l data -d 'Samples: .npz, .npy, raw binary, images (JPEG, PNG, BMP, GIF, WebP, TIFF, PNM), or folders of them; NAME= if the model has several inputs' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l batch-size -d 'Samples per batch [default: the model\'s batch size, or 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l feeds -d 'Content of arrays: samples along the first axis, or whole feeds, each for one run of the model' -r -f -a "auto\t'Samples, unless an input has no axis for them in front or the arrays fit as whole feeds only'
samples\t'Samples along the first axis'
whole\t'One .npz per run with every input in its declared shape, or the runs along one more axis in front'"
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l limit -d 'Use at most this many samples, or whole feeds' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l seed -d 'Draw the --limit samples at random instead of taking the first; the same number draws the same samples' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l raw -d 'Type and shape of one sample in raw files, such as f32:3x224x224 [default: the model\'s]' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l image-size -d 'Height and width of the model\'s images [default: by the input\'s shape]' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l resize -d 'Way to bring images to that size' -r -f -a "stretch\t'Without regard to the proportions'
crop\t'Fill the size and cut off the rest'
letterbox\t'Fit into the size and fill up the rest'"
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l resize-filter -d 'Interpolation of pixels of another size' -r -f -a "antialias\t'Bilinear over all pixels that fall on one, as Pillow and torchvision'
opencv\t'Bilinear between four pixels, bit for bit as OpenCV\'s resize (INTER_LINEAR)'"
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l exif -d 'Treatment of the orientation that a camera stored in an image' -r -f -a "ignore\t'Pixels as the file has them, as Pillow; a warning if images have another orientation'
apply\t'Images as they are shown, as OpenCV\'s imread'"
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l shorter-side -d 'With --resize crop: length of the shorter side before the centre is cut out, such as 256' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l channels -d 'Order of the colours in the model\'s input' -r -f -a "rgb\t''
bgr\t''
gray\t''"
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l scale -d 'Factor of pixels (0 to 255), before anything else [default: 1/255]' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l mean -d 'Mean to subtract from the scaled pixels, one number or one per channel [default: 0]' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l std -d 'Divisor after that, one number or one per channel [default: 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l fill -d 'Pixel value around letterboxed images' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l layout -d 'Order of the axes in the model\'s input [default: by the input\'s shape]' -r -f -a "nchw\t''
nhwc\t''"
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l output -d 'Compare this output, or another tensor that both models compute, instead of all outputs; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l labels -d 'The right class of every sample, as .npy: prints the accuracy of both models' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l min-sqnr -d 'Exit 1 unless every floating-point output that is compared has at least this SQNR' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l stats -d 'Explain bad results also by these statistics of the calibration, written by --stats of quantize' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l report -d 'Write a report on every tensor: a page (.html) or data (.json)' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l runtime -d 'Runtime that runs the model' -r -f -a "embedded\t'The runtime inside this program'
onnxruntime\t'ONNX Runtime\'s shared library'
auto\t'ONNX Runtime if it is found, else the embedded runtime'"
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l onnxruntime -d 'Path of ONNX Runtime\'s library or of its folder, if it is not found by itself' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l threads -d 'Threads of the runtime [default: one per physical core]' -r
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l per-tensor -d 'Also compare every activation that both models have'
complete -c qdq -n "__fish_qdq_using_subcommand compare" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand compare" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand compare" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -s d -l data -d 'Samples: .npz, .npy, raw binary, images (JPEG, PNG, BMP, GIF, WebP, TIFF, PNM), or folders of them; NAME= if the model has several inputs' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l batch-size -d 'Samples per batch [default: the model\'s batch size, or 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l feeds -d 'Content of arrays: samples along the first axis, or whole feeds, each for one run of the model' -r -f -a "auto\t'Samples, unless an input has no axis for them in front or the arrays fit as whole feeds only'
samples\t'Samples along the first axis'
whole\t'One .npz per run with every input in its declared shape, or the runs along one more axis in front'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l limit -d 'Use at most this many samples, or whole feeds' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l seed -d 'Draw the --limit samples at random instead of taking the first; the same number draws the same samples' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l raw -d 'Type and shape of one sample in raw files, such as f32:3x224x224 [default: the model\'s]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l image-size -d 'Height and width of the model\'s images [default: by the input\'s shape]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l resize -d 'Way to bring images to that size' -r -f -a "stretch\t'Without regard to the proportions'
crop\t'Fill the size and cut off the rest'
letterbox\t'Fit into the size and fill up the rest'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l resize-filter -d 'Interpolation of pixels of another size' -r -f -a "antialias\t'Bilinear over all pixels that fall on one, as Pillow and torchvision'
opencv\t'Bilinear between four pixels, bit for bit as OpenCV\'s resize (INTER_LINEAR)'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l exif -d 'Treatment of the orientation that a camera stored in an image' -r -f -a "ignore\t'Pixels as the file has them, as Pillow; a warning if images have another orientation'
apply\t'Images as they are shown, as OpenCV\'s imread'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l shorter-side -d 'With --resize crop: length of the shorter side before the centre is cut out, such as 256' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l channels -d 'Order of the colours in the model\'s input' -r -f -a "rgb\t''
bgr\t''
gray\t''"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l scale -d 'Factor of pixels (0 to 255), before anything else [default: 1/255]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l mean -d 'Mean to subtract from the scaled pixels, one number or one per channel [default: 0]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l std -d 'Divisor after that, one number or one per channel [default: 1]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l fill -d 'Pixel value around letterboxed images' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l layout -d 'Order of the axes in the model\'s input [default: by the input\'s shape]' -r -f -a "nchw\t''
nhwc\t''"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l formats -d 'Measure each of these formats instead of --format, separated by commas' -r -f -a "int8\t'Weights and activations as 8-bit integers'
fp8\t'Weights and activations as 8-bit floats, for GPUs from SM 8.9 on'
int8-weights\t'Weights of products as 8-bit integers, without data'
int4-weights\t'Weights of products as 4-bit integers in blocks, without data'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l methods -d 'Measure each of these calibration methods, separated by commas [default: mse]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l samples -d 'Measure at most this many samples, evenly spread over the data; all of them calibrate' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l report -d 'Write a report: .html is a page without network access, .json the same data' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l include -d 'Quantize only nodes whose name matches (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l include-op -d 'Quantize only nodes of this operator, such as Conv; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l exclude -d 'Never quantize nodes whose name matches; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l exclude-op -d 'Never quantize nodes of this operator; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l format -d 'Format of quantized numbers: int8, fp8 (e4m3), or weights alone as int8 or as int4 in blocks' -r -f -a "int8\t'Weights and activations as 8-bit integers'
fp8\t'Weights and activations as 8-bit floats, for GPUs from SM 8.9 on'
int8-weights\t'Weights of products as 8-bit integers, without data'
int4-weights\t'Weights of products as 4-bit integers in blocks, without data'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l format-of -d 'Format of nodes whose name matches; the first match decides; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l block-size -d 'With int4-weights: weights in a row that share a scale, 128 or 64 [default: 128 if it divides the input axis, else 64]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l attention -d 'Treatment of the two products of an attention; its projections are always quantized' -r -f -a "auto\t'Quantized up to 512 keys, and in float above; the data decides if the model leaves the number open'
int8\t'Quantized'
float\t'In float'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l front-end -d 'Treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are squared or lose their sign, and the first layer that reads those before a Log' -r -f -a "float\t'In float if the format quantizes activations'
int8\t'Quantized'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l target -d 'The product that builds the engine [default: tensorrt; with an engine, the product of the library]' -r -f -a "tensorrt\t'TensorRT'
rtx\t'TensorRT-RTX: a convolution\'s weight has one scale, and its channels\' scales follow the convolution'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l min-quantized -d 'Fail if less than this share of the convolutions and products that may be quantized would be, from 0 to 1' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l weights -d 'Storage of weights in int8' -r -f -a "int8\t'As int8 with DequantizeLinear: a quarter of the size'
float\t'As float with QuantizeLinear and DequantizeLinear'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l weight-bits -d 'Bits of a weight\'s integer; fewer than 8 are stored as int8 all the same, on a coarser grid' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l weight-method -d 'Calibration method of weights [default: mse]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l runtime -d 'Runtime that runs the model' -r -f -a "embedded\t'The runtime inside this program'
onnxruntime\t'ONNX Runtime\'s shared library'
auto\t'ONNX Runtime if it is found, else the embedded runtime'"
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l onnxruntime -d 'Path of ONNX Runtime\'s library or of its folder, if it is not found by itself' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l threads -d 'Threads of the runtime [default: one per physical core]' -r
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l conv-weights -d 'With int8-weights: also the weights of convolutions, which TensorRT still computes in float'
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l per-tensor-weights -d 'One scale per weight instead of one per output channel'
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand sensitivity" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l input -d 'Fix an input\'s value, such as sr=16000 or scales=1,1,2: what follows from it is decided once, and no data feeds it; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l input-shape -d 'Run with this shape of an input, such as images=1x3x640x640 (? is a size that the data decides); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l include -d 'Quantize only nodes whose name matches (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l include-op -d 'Quantize only nodes of this operator, such as Conv; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l exclude -d 'Never quantize nodes whose name matches; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l exclude-op -d 'Never quantize nodes of this operator; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l format -d 'Format of quantized numbers: int8, fp8 (e4m3), or weights alone as int8 or as int4 in blocks' -r -f -a "int8\t'Weights and activations as 8-bit integers'
fp8\t'Weights and activations as 8-bit floats, for GPUs from SM 8.9 on'
int8-weights\t'Weights of products as 8-bit integers, without data'
int4-weights\t'Weights of products as 4-bit integers in blocks, without data'"
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l format-of -d 'Format of nodes whose name matches; the first match decides; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l block-size -d 'With int4-weights: weights in a row that share a scale, 128 or 64 [default: 128 if it divides the input axis, else 64]' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l attention -d 'Treatment of the two products of an attention; its projections are always quantized' -r -f -a "auto\t'Quantized up to 512 keys, and in float above; the data decides if the model leaves the number open'
int8\t'Quantized'
float\t'In float'"
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l front-end -d 'Treatment of front ends: fixed bases (Fourier, mel, wavelets) of one channel whose results are squared or lose their sign, and the first layer that reads those before a Log' -r -f -a "float\t'In float if the format quantizes activations'
int8\t'Quantized'"
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l target -d 'The product that builds the engine [default: tensorrt; with an engine, the product of the library]' -r -f -a "tensorrt\t'TensorRT'
rtx\t'TensorRT-RTX: a convolution\'s weight has one scale, and its channels\' scales follow the convolution'"
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l min-quantized -d 'Fail if less than this share of the convolutions and products that may be quantized would be, from 0 to 1' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l float32 -d 'Keep nodes with a matching name in float32 (* is any text, ? one character); repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l float32-op -d 'Keep nodes of this operator in float32; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l half -d 'Compute nodes with a matching name in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l half-op -d 'Compute nodes of this operator in half precision, whatever their values are; repeatable' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l opset -d 'Opset to which an older model is raised [default: what the format and half precision need, at least 13]' -r
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l stats -d 'With --fp16 or --bf16: judge the values by these statistics' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l config -d 'Take options from this TOML file: their long names as keys, and paths relative to the file; what the command line says goes before' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l save-config -d 'Write the options of this run to such a file, before the work starts' -r -F
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l conv-weights -d 'With int8-weights: also the weights of convolutions, which TensorRT still computes in float'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l per-tensor-weights -d 'One scale per weight instead of one per output channel'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l fp16 -d 'Compute a node in float16 if it is not INT8 and its values allow it; in an engine, a weakly typed TensorRT (8 to 10) chooses the float16 layers itself'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l bf16 -d 'Compute a node in bfloat16 if it is not INT8 and its values allow it'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l half-io -d 'Change the type of the model\'s float32 inputs and outputs too'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qdq -n "__fish_qdq_using_subcommand info" -l json -d 'Print the result as JSON'
complete -c qdq -n "__fish_qdq_using_subcommand info" -s v -l verbose -d 'Also print progress messages and the nodes that stay in float'
complete -c qdq -n "__fish_qdq_using_subcommand info" -s q -l quiet -d 'Print errors and failed gates only; with --json, also the result'
complete -c qdq -n "__fish_qdq_using_subcommand info" -s h -l help -d 'Print help'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "quantize" -d 'Calibrate a float model and write its Q/DQ form'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "calibrate" -d 'Compute ranges, a calibration cache or statistics, without writing a model'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "cast" -d 'Convert a model to half precision, without quantizing it'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "apply" -d 'Make a Q/DQ model from ranges or from a TensorRT calibration cache, without data'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "engine" -d 'Build TensorRT\'s engine of a model, as it is or with ranges'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "cost" -d 'Show which kernels an engine runs and what they move'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "merge" -d 'Merge statistics of several calibrations of one model'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "cache" -d 'Look at, check and convert TensorRT calibration caches'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "compare" -d 'Measure how far a quantized model is from the float model'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "sensitivity" -d 'Measure what quantizing each layer alone costs'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "inspect" -d 'Show which nodes would be quantized and why'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "info" -d 'Show the version, the kernels in use and the runtimes found'
complete -c qdq -n "__fish_qdq_using_subcommand help; and not __fish_seen_subcommand_from quantize calibrate cast apply engine cost merge cache compare sensitivity inspect info help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c qdq -n "__fish_qdq_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "show" -d 'Print the header, and scale and range of every tensor'
complete -c qdq -n "__fish_qdq_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "check" -d 'Find lines that TensorRT would fail on or ignore; exits 1 if there are any'
complete -c qdq -n "__fish_qdq_using_subcommand help; and __fish_seen_subcommand_from cache" -f -a "convert" -d 'Write a cache with another header, a cache as ranges, or ranges as a cache'
