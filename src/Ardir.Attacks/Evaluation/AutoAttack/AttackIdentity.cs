using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>The text that identifies the attacks in a state file, so that a resumed evaluation can check that they are the
/// same.</summary>
internal static class AttackIdentity
{
    /// <summary>Names, threat models and options of the attacks, and the weights of the networks that they ask, such as a
    /// teacher.</summary>
    /// <exception cref="InvalidOperationException">An attack, or a loss among its options, hides values, so that the state of an
    /// evaluation with other values could be taken for this one's.</exception>
    public static string Of(IReadOnlyList<IAttack> attacks) =>
        string.Join("; ", attacks.Select(attack => StatedIdentity.WithWeights(attack, "Or leave StatePath null.")));

    /// <summary>Everything that the result of an evaluation depends on.</summary>
    /// <param name="options">Of the ensemble.</param>
    /// <param name="task">What it evaluates.</param>
    /// <param name="probe">Identifies a model without weights.</param>
    /// <param name="images">As the caller gave them.</param>
    /// <param name="context">As the caller gave it.</param>
    public static Dictionary<string, string> Describe(
        AutoAttackOptions options, EnsembleTask task, ModelProbe probe, Tensor images, AttackContext context)
    {
        using var invariant = new InvariantCultureScope();
        var model = task.Model.Model;
        var identity = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = "5",
            ["library"] = typeof(AttackIdentity).Assembly.GetName().Version!.ToString(),
            ["threat model"] = StatedIdentity.Of(task.Threat),
            ["version"] = Version(options),
            ["attacks"] = AttackRun.NameWith(context.EotSamples, Of(task.Attacks)),
            ["exhaustive"] = $"{options.Exhaustive}",
            ["seed"] = $"{options.Seed} of the options, {context.Seed} of the context",
            ["sample numbers"] = Numbers(context),
            ["batch size"] = $"{options.BatchSize}",
            ["images"] = Fingerprint.Of(("images", images)),
            ["labels"] = Fingerprint.Of(("labels", task.Labels)),
            ["model"] = $"{model.GetType().Name} {(ShowsWeights(model) ? Fingerprint.Of(model) : probe.Answer())}",
        };
        if (context.SearchPrecision != SearchPrecision.Full) identity["search precision"] = $"{context.SearchPrecision}";
        return identity;
    }

    /// <summary>What the ranks of an evaluation compare before any work.</summary>
    /// <param name="options">Of the ensemble.</param>
    /// <param name="threat">Of the ensemble.</param>
    /// <param name="model">The evaluated model.</param>
    /// <param name="inputs">Images and labels as the caller gave them.</param>
    /// <param name="context">As the caller gave it.</param>
    public static Dictionary<string, string> Agreement(
        AutoAttackOptions options, ThreatModel threat, IModule model, (Tensor Images, Tensor Labels) inputs, AttackContext context)
    {
        using var invariant = new InvariantCultureScope();
        return new Dictionary<string, string>(
            RankAgreement.Describe(model, inputs.Images, inputs.Labels, context), StringComparer.Ordinal)
        {
            ["threat model"] = RankAgreement.Of(threat),
            ["version"] = Version(options),
            ["attacks"] = string.Join("; ", (options.Attacks ?? []).Select(RankAgreement.Of)),
            ["exhaustive"] = $"{options.Exhaustive}",
            ["seed of the options"] = $"{options.Seed}",
            ["sample numbers"] = Numbers(context),
            ["batch size"] = $"{options.BatchSize}",
            ["security curve"] = string.Join(", ", options.SecurityCurve.Select(epsilon => $"{epsilon:R}")),
            ["checks"] = $"{options.Diagnose}",
        };
    }

    private static string Numbers(AttackContext context) => context.SampleIndices is { } numbers
        ? Fingerprint.Of(("numbers", tensor(numbers.ToArray(), device: CPU)))
        : "0 to N-1";

    private static string Version(AutoAttackOptions options) => options.Version == AutoAttackVersion.Fast
        ? $"{options.Version} with a bound of {options.FastBound:R}"
        : $"{options.Version}";

    private static bool ShowsWeights(IModule model) => model is nn.Module module && module.state_dict().Count > 0;
}
