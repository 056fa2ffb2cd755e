using System.CommandLine;
using System.Globalization;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Samples;

/// <summary><c>evaluate</c>: the robust accuracy of a model from a file.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var model = new Option<FileInfo>("--model") { Description = "Weights of a known network: torch.save (any version) or safetensors", Required = true };
        var data = new Option<DirectoryInfo?>("--data") { Description = "Folder with test images: MNIST family, CIFAR-10 or -100 (binary), SVHN, or a folder per class; the 2,000 images shipped with the samples when left out" };
        var norm = new Option<PerturbationNorm>("--norm") { Description = "linf, l2 or l1", DefaultValueFactory = _ => PerturbationNorm.Linf };
        var epsilon = new Option<string>("--eps") { Description = "Budget in [0,1] pixel units, for example 8/255 or 0.1", Required = true };
        var version = new Option<AutoAttackVersion>("--version-of-attack") { Description = "standard, plus or rand", DefaultValueFactory = _ => AutoAttackVersion.Standard };
        var images = new Option<int?>("--images") { Description = "Only the first images" };
        var batch = new Option<int>("--batch") { Description = "Images per batch", DefaultValueFactory = _ => 256 };
        var seed = new Option<ulong>("--seed") { Description = "Root of all random numbers" };
        var curve = new Option<string[]>("--curve") { Description = "Budgets of a security curve", AllowMultipleArgumentsPerToken = true };
        var output = new Option<string>("--output") { Description = "Folder for the state and the reports", DefaultValueFactory = _ => "ardir-evaluation" };
        var device = new Option<string>("--device") { Description = "cpu, cuda or cuda:1", DefaultValueFactory = _ => "cpu" };
        var command = new Command("evaluate", "Runs AutoAttack on a model and writes a report. A run that was stopped goes on where it was.")
        {
            model, data, norm, epsilon, version, images, batch, seed, curve, output, device,
        };
        command.SetAction((arguments, cancellation) => Task.Run(() => Job.Run(arguments.GetValue(output)!, () =>
        {
            var settings = new EvaluateSettings
            {
                Model = arguments.GetValue(model)!.FullName,
                Threat = Threat(arguments.GetValue(norm), Number(arguments.GetValue(epsilon)!)),
                Version = Named(arguments.GetValue(version)),
                Images = Positive(arguments.GetValue(images), "--images"),
                BatchSize = Positive(arguments.GetValue(batch), "--batch")!.Value,
                Seed = arguments.GetValue(seed),
                Output = arguments.GetValue(output)!,
                Device = Device(arguments.GetValue(device)!),
                SecurityCurve = [.. (arguments.GetValue(curve) ?? []).Select(Number)],
            };
            if (arguments.GetValue(data) is { } folder) settings = settings with { DataFolder = folder.FullName };
            new Evaluate(settings).Run(cancellation);
        })));
        return command;
    }

    private static ThreatModel Threat(PerturbationNorm norm, double epsilon) => norm switch
    {
        PerturbationNorm.Linf => ThreatModel.Linf(epsilon),
        PerturbationNorm.L2 => ThreatModel.L2(epsilon),
        PerturbationNorm.L1 => ThreatModel.L1(epsilon),
        // The parser takes any number for an enum.
        _ => throw new ArgumentException($"--norm is '{norm}'; expected linf, l2 or l1."),
    };

    private static int? Positive(int? value, string option) =>
        value is < 1 ? throw new ArgumentException($"{option} is {value}; expected at least 1.") : value;

    private static Device Device(string text)
    {
        try
        {
            return torch.device(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new ArgumentException($"--device is '{text}'; expected cpu, cuda or cuda:1.", e);
        }
    }

    private static AutoAttackVersion Named(AutoAttackVersion version) => version is AutoAttackVersion.Standard or AutoAttackVersion.Plus or AutoAttackVersion.Rand
        ? version
        : throw new ArgumentException($"--version-of-attack is '{version}'; expected standard, plus or rand.");

    private static double Number(string text)
    {
        var parts = text.Split('/');
        double Part(string part) => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new ArgumentException($"'{text}' is no number; expected for example 8/255 or 0.1.");
        return parts.Length switch
        {
            1 => Part(parts[0]),
            2 => Part(parts[0]) / Part(parts[1]),
            _ => throw new ArgumentException($"'{text}' is no number; expected for example 8/255 or 0.1."),
        };
    }
}
