using System.CommandLine;
using System.CommandLine.Parsing;
using Ardir.Distillation;

namespace Ardir.Samples;

/// <summary>The options of <c>paper</c> that say what to compare.</summary>
internal sealed class PaperArguments
{
    private readonly Option<ExperimentDataset> _dataset = Options.Choice("--dataset", "Data set", ExperimentDataset.Fashion,
        ("cifar10", ExperimentDataset.Cifar10), ("svhn", ExperimentDataset.Svhn), ("fashion", ExperimentDataset.Fashion));

    private readonly Option<ExperimentScale> _scale = Options.Choice(
        "--scale", "Scale", ExperimentScale.Small, ("full", ExperimentScale.Full), ("small", ExperimentScale.Small));

    private readonly Option<Func<ExperimentDataset, ExperimentScale, ExperimentPlan>> _study =
        Options.Choice<Func<ExperimentDataset, ExperimentScale, ExperimentPlan>>(
            "--study", "What to compare", PaperPlans.Comparison,
            ("methods", PaperPlans.Comparison), ("beta", PaperPlans.BetaSweep), ("questions", PaperPlans.OpenQuestions));

    private readonly Option<string?> _file = new("--plan") { Description = "A plan file instead of --dataset, --scale and --study" };

    private readonly Option<string[]> _methods = new("--methods")
    {
        Description = "Only these methods, and their teachers", AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int?> _seeds = Options.WholeOrNone(
        "--seeds", "Number of seeds, from 1; those of the plan when left out");

    public IEnumerable<Option> All => [_dataset, _scale, _study, _file, _methods, _seeds];

    /// <summary>The plan.</summary>
    /// <param name="arguments">What was given.</param>
    /// <param name="standard">A plan file to read where no option names a plan; null for none.</param>
    public ExperimentPlan Plan(ParseResult arguments, string? standard)
    {
        Option[] choices = [_dataset, _scale, _study];
        var chosen = Array.Find(choices, option => arguments.GetResult(option) is { Implicit: false });
        var file = arguments.GetValue(_file);
        if (file is not null && chosen is not null) throw new UsageException($"Expected either --plan or {chosen.Name}.");
        if (chosen is null) file ??= standard;
        var plan = file is null
            ? arguments.GetValue(_study)!(arguments.GetValue(_dataset), arguments.GetValue(_scale))
            : Load(file);
        return arguments.GetValue(_seeds) is { } count
            ? plan with { Seeds = [.. Enumerable.Range(1, count).Select(seed => (ulong)seed)] }
            : plan;
    }

    /// <summary>The names of the methods that were asked for; none for all of the plan.</summary>
    public IReadOnlyList<string> Methods(ParseResult arguments, ExperimentPlan plan)
    {
        var methods = arguments.GetValue(_methods) ?? [];
        if (Array.Find(methods, name => plan.Methods.All(method => method.Name != name)) is not { } unknown) return methods;
        var known = string.Join(", ", plan.Methods.Select(method => $"'{method.Name}'"));
        throw new UsageException($"--methods has '{unknown}'; expected methods of the plan: {known}.");
    }

    private static ExperimentPlan Load(string file) => File.Exists(file)
        ? ExperimentPlan.Load(file)
        : throw new UsageException($"--plan is '{file}'; expected a file that exists.");
}
