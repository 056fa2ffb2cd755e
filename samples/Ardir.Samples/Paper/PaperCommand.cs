using System.CommandLine;
using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary><c>paper</c>: the comparisons of the ARDIR paper, at its scale or at one for two processor cores.</summary>
internal static class PaperCommand
{
    public static Command Create()
    {
        var (dataset, scale, study) = WhichPlan();
        var data = Options.Folder(
            "--data", "Folder with the files of the data set; for fashion the images shipped with the samples when left out");
        var file = new Option<string?>("--plan") { Description = "A plan file instead of --dataset, --scale and --study" };
        var methods = new Option<string[]>("--methods")
        {
            Description = "Only these methods, and their teachers", AllowMultipleArgumentsPerToken = true,
        };
        var seeds = Options.WholeOrNone("--seeds", "Number of seeds, from 1; those of the plan when left out");
        var print = new Option<bool>("--print") { Description = "Prints the plan, to be edited, and runs nothing" };
        var report = new Option<bool>("--report") { Description = "Writes the report of what is finished, and runs nothing" };
        var output = Options.Output("Folder for runs and report, which several processes can share", "ardir-paper");
        output.Aliases.Add("--out");
        var device = Options.Device();
        var command = new Command("paper",
            "Compares ARDIR with the methods that the paper compares it with, seed by seed, and writes a report. "
                + "Resumes where it was stopped.")
        {
            dataset, data, scale, study, file, methods, seeds, print, report, output, device,
        };
        command.SetAction((arguments, cancellation) =>
        {
            var printed = arguments.GetValue(print);
            return Job.Start(printed ? null : arguments.GetValue(output), () =>
            {
                var plan = arguments.GetValue(file) is { } path
                    ? Load(path)
                    : arguments.GetValue(study)!(arguments.GetValue(dataset), arguments.GetValue(scale));
                if (arguments.GetValue(seeds) is { } count)
                    plan = plan with { Seeds = [.. Enumerable.Range(1, count).Select(seed => (ulong)seed)] };
                if (printed) Console.WriteLine(plan.ToJson());
                else new Paper(new PaperSettings
                {
                    Plan = plan,
                    Methods = arguments.GetValue(methods) ?? [],
                    Data = DataOf(plan.Data.Dataset, arguments.GetValue(data)),
                    Output = arguments.GetValue(output)!,
                    Device = ComputeDevice.Open(arguments.GetValue(device)!),
                    ReportOnly = arguments.GetValue(report),
                }).Run(cancellation);
            });
        });
        return command;
    }

    private static (
        Option<ExperimentDataset> Dataset, Option<ExperimentScale> Scale,
        Option<Func<ExperimentDataset, ExperimentScale, ExperimentPlan>> Study) WhichPlan() =>
    (
        Options.Choice("--dataset", "Data set", ExperimentDataset.Fashion,
            ("cifar10", ExperimentDataset.Cifar10), ("svhn", ExperimentDataset.Svhn), ("fashion", ExperimentDataset.Fashion)),
        Options.Choice("--scale", "Scale", ExperimentScale.Small, ("full", ExperimentScale.Full), ("small", ExperimentScale.Small)),
        Options.Choice<Func<ExperimentDataset, ExperimentScale, ExperimentPlan>>(
            "--study", "What to compare", PaperPlans.Comparison,
            ("methods", PaperPlans.Comparison), ("beta", PaperPlans.BetaSweep), ("questions", PaperPlans.OpenQuestions))
    );

    private static ExperimentPlan Load(string file) => File.Exists(file)
        ? ExperimentPlan.Load(file)
        : throw new UsageException($"--plan is '{file}'; expected a file that exists.");

    private static string DataOf(ExperimentDataset dataset, string? folder) => folder
        ?? (dataset == ExperimentDataset.Fashion
            ? Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist")
            : throw new UsageException($"--data is missing: the folder with the files of {dataset}."));
}
