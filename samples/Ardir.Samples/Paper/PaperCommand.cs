using System.CommandLine;
using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary><c>paper</c>: the comparisons of the ARDIR paper, at its scale or at one for two processor cores.</summary>
internal static class PaperCommand
{
    /// <summary>Where a folder keeps the plan that was last run in it.</summary>
    public static string PlanIn(string folder) => Path.Combine(folder, "plan.json");

    public static Command Create()
    {
        var what = new PaperArguments();
        var data = Options.Folder(
            "--data", "Folder with the files of the data set; for fashion the images shipped with the samples when left out");
        var print = Flag("--print", "Prints the plan, to be edited, and runs nothing");
        var report = Flag("--report", "Writes the report of what is finished in the folder, by the plan in it, and runs nothing");
        var output = Options.Output("Folder for runs and report, which several processes can share", "ardir-paper");
        output.Aliases.Add("--out");
        var device = Options.Device();
        var mpi = Options.Mpi();
        var command = new Command("paper",
            "Compares ARDIR with the methods that the paper compares it with, seed by seed, and writes a report. "
                + "Resumes where it was stopped.")
        {
            data, print, report, output, device, mpi,
        };
        foreach (var option in what.All.Reverse()) command.Options.Insert(0, option);
        command.SetAction((arguments, cancellation) =>
        {
            var (printed, reported, folder) = (arguments.GetValue(print), arguments.GetValue(report), arguments.GetValue(output)!);
            return Job.Start(printed ? null : folder, arguments.GetValue(mpi), ranks =>
            {
                if (printed && reported) throw new UsageException("Expected either --print or --report.");
                var plan = what.Plan(arguments, reported ? PlanOf(folder) : null);
                var methods = what.Methods(arguments, plan);
                if (printed) Console.WriteLine((methods.Count == 0 ? plan : plan.Only(methods)).ToJson());
                else new Paper(new PaperSettings
                {
                    Plan = plan,
                    Methods = methods,
                    Data = reported ? null : DataOf(plan.Data.Dataset, arguments.GetValue(data)),
                    Output = folder,
                    Device = reported ? CPU : ComputeDevice.Open(ranks.Device(arguments.GetValue(device)!)),
                    Ranks = ranks,
                }).Run(cancellation);
            });
        });
        return command;
    }

    private static Option<bool> Flag(string name, string description) => new(name) { Description = description };

    private static string PlanOf(string folder) => Directory.Exists(folder)
        ? PlanIn(folder)
        : throw new UsageException($"--report finds no folder '{folder}'; expected the --output of a plan that was run.");

    private static string DataOf(ExperimentDataset dataset, string? folder) => folder
        ?? (dataset == ExperimentDataset.Fashion
            ? Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist")
            : throw new UsageException($"--data is missing: the folder with the files of {dataset}."));
}
