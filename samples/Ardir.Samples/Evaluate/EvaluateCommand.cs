using System.CommandLine;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Samples;

/// <summary><c>evaluate</c>: the robust accuracy of a model from a file.</summary>
internal static class EvaluateCommand
{
    private static readonly Option<FileInfo?> _model = new("--model")
    {
        Description = "Weights of a known network: torch.save (any version) or safetensors",
    };
    private static readonly Option<FileInfo?> _script = new("--torchscript")
    {
        Description = "Instead of --model: any network, saved with torch.jit.save, that takes pixels in [0,1] and returns logits. "
            + "Such a file is a program: only from sources you trust",
    };
    private static readonly Option<string?> _data = Options.Folder(
        "--data",
        "Folder with test images: MNIST family, CIFAR-10 or -100 (binary), SVHN, or a folder of PNG or JPEG per class; "
            + "the 2,000 images shipped with the samples when left out");
    private static readonly Option<int?> _channels = Options.WholeOrNone(
        "--channels", "For a folder of pictures: 1 for grey, 3 for RGB; those of the network when left out, 3 for TorchScript");
    private static readonly Option<(int Height, int Width)?> _size = Options.Size();
    private static readonly Option<PerturbationNorm> _norm = Options.Choice(
        "--norm", "Norm of the budget", PerturbationNorm.Linf,
        ("linf", PerturbationNorm.Linf), ("l2", PerturbationNorm.L2), ("l1", PerturbationNorm.L1));
    private static readonly Option<double> _epsilon = Required(
        Options.Budget("--eps", "Budget in [0,1] pixel units, for example 8/255 or 0.1"));
    private static readonly Option<AutoAttackVersion> _version = Options.Choice(
        "--version-of-attack", "Which ensemble (fast: standard, with Square on a sample where that is enough)", AutoAttackVersion.Standard,
        ("standard", AutoAttackVersion.Standard), ("fast", AutoAttackVersion.Fast), ("plus", AutoAttackVersion.Plus),
        ("rand", AutoAttackVersion.Rand));
    private static readonly Option<SearchPrecision> _search = Options.Choice(
        "--search", "Precision in which gradient attacks follow gradients (what they find is judged in float32)", SearchPrecision.Full,
        ("full", SearchPrecision.Full), ("bfloat16", SearchPrecision.BFloat16));
    private static readonly Option<NetworkPasses> _passes = Options.Choice(
        "--passes", "Passes of the network: plain, or cheap, which agrees up to rounding (Winograd's algorithm, folded batch norms, channels-last order, a thread per core)",
        NetworkPasses.Plain, ("plain", NetworkPasses.Plain), ("cheap", NetworkPasses.Cheap));
    private static readonly Option<int?> _images = Options.WholeOrNone("--images", "Only the first images");
    private static readonly Option<int> _batch = Options.Whole("--batch", "Images per batch", 256);
    private static readonly Option<ulong> _seed = Options.Seed(0);
    private static readonly Option<double[]> _curve = Options.Budgets("--curve", "Budgets of a security curve");
    private static readonly Option<string> _output = Options.Output("Folder for the state and the reports", "ardir-evaluation");
    private static readonly Option<string> _device = Options.Device();
    private static readonly Option<bool> _mpi = Options.Mpi();

    public static Command Create()
    {
        var command = new Command("evaluate", "Runs AutoAttack on a model and writes a report. A run that was stopped resumes.")
        {
            _model, _script, _data, _channels, _size, _norm, _epsilon, _version, _search, _passes, _images, _batch, _seed, _curve, _output, _device, _mpi,
        };
        command.Validators.Add(result =>
        {
            if (result.GetResult(_model) is null == result.GetResult(_script) is null)
                result.AddError("Expected either --model or --torchscript.");
        });
        command.SetAction((arguments, cancellation) =>
            Job.Start(arguments.GetValue(_output), arguments.GetValue(_mpi), ranks => new Evaluate(Settings(arguments, ranks)).Run(cancellation)));
        return command;
    }

    private static EvaluateSettings Settings(ParseResult arguments, Ranks ranks)
    {
        var script = arguments.GetValue(_script);
        return new EvaluateSettings
        {
            Model = (script ?? arguments.GetValue(_model)!).FullName,
            IsTorchScript = script is not null,
            Data = new DataFolder(arguments.GetValue(_data) ?? DataFolder.Shipped, Size: arguments.GetValue(_size)),
            Channels = arguments.GetValue(_channels) is { } channels && channels is not (1 or 3)
                ? throw new UsageException($"--channels is '{channels}'; expected 1 or 3.") : arguments.GetValue(_channels),
            Threat = Threat(arguments.GetValue(_norm), arguments.GetValue(_epsilon)),
            Version = arguments.GetValue(_version),
            Search = arguments.GetValue(_search),
            Passes = arguments.GetValue(_passes),
            Images = arguments.GetValue(_images),
            BatchSize = arguments.GetValue(_batch),
            Seed = arguments.GetValue(_seed),
            Output = arguments.GetValue(_output)!,
            Device = ComputeDevice.Open(ranks.Device(arguments.GetValue(_device)!)),
            Ranks = ranks,
            SecurityCurve = arguments.GetValue(_curve) ?? [],
        };
    }

    private static ThreatModel Threat(PerturbationNorm norm, double epsilon)
    {
        if (norm == PerturbationNorm.Linf && epsilon > 1)
        {
            throw new UsageException(
                $"--eps is '{epsilon}'; expected at most 1 for linf: pixels are in [0,1], so 8 of 255 levels are 8/255.");
        }
        return norm switch
        {
            PerturbationNorm.Linf => ThreatModel.Linf(epsilon),
            PerturbationNorm.L2 => ThreatModel.L2(epsilon),
            _ => ThreatModel.L1(epsilon),
        };
    }

    private static Option<T> Required<T>(Option<T> option)
    {
        option.Required = true;
        return option;
    }
}
