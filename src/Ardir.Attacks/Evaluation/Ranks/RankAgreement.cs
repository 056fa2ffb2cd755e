using Ardir.Core;
using Microsoft.Extensions.Logging;

namespace Ardir.Attacks;

/// <summary>Refuses ranks that evaluate different things: their results together would be those of no evaluation.</summary>
internal static class RankAgreement
{
    private const string Machine = "machine";

    /// <summary>Compares before any work what the result depends on, and warns where only its last digits depend on a difference.</summary>
    /// <param name="ranks">The ranks; a single one agrees with itself, and nothing is computed.</param>
    /// <param name="describe">The settings of this rank by name.</param>
    /// <param name="logger">Receives the warning.</param>
    /// <exception cref="InvalidOperationException">They differ; the message lists every difference.</exception>
    public static void Ensure(EvaluationRanks ranks, Func<Dictionary<string, string>> describe, ILogger logger)
    {
        if (ranks.AreAlone) return;
        var all = ranks.FromAll(describe, RankCodec.Json(RankJson.Default.DictionaryStringString));
        var machines = all.ConvertAll(one => one[Machine]).Distinct(StringComparer.Ordinal).ToList();
        foreach (var one in all) one.Remove(Machine);
        if (machines.Count > 1) EvaluationLog.DifferentMachines(logger, string.Join("; ", machines));
        var differences = Enumerable.Range(1, all.Count - 1).SelectMany(rank => Differences(all[0], all[rank], rank)).ToList();
        if (differences.Count > 0)
            throw new InvalidOperationException(
                "The ranks evaluate different things. Give all of them the same model, images, labels and options." +
                string.Concat(differences));
    }

    private static IEnumerable<string> Differences(Dictionary<string, string> first, Dictionary<string, string> other, int rank) =>
        ResumeGuard.Differences(other, first)
            .Select(one => $"\n  {one.Name}: '{one.Current}' at rank 0, '{one.Saved}' at rank {rank}");

    /// <summary>What every kind of evaluation compares.</summary>
    /// <param name="model">The evaluated model. One that shows no weights is compared by its type only.</param>
    /// <param name="images">As the caller gave them.</param>
    /// <param name="labels">As the caller gave them.</param>
    /// <param name="context">As the caller gave it.</param>
    public static Dictionary<string, string> Describe(IModule model, Tensor images, Tensor labels, AttackContext context) =>
        new(StringComparer.Ordinal)
        {
            [Machine] = $"{get_num_threads()} threads, {images.device_type}, libtorch of TorchSharp {TorchSharpRuntime.Version}",
            ["library"] = typeof(RankAgreement).Assembly.GetName().Version!.ToString(),
            ["seed of the context"] = StatedIdentity.Of(context.Seed),
            ["passes per gradient"] = StatedIdentity.Of(context.EotSamples),
            ["memory format"] = StatedIdentity.Of(context.MemoryFormat),
            ["folded batch norm"] = StatedIdentity.Of(context.FoldBatchNorm),
            ["convolutions"] = StatedIdentity.Of(context.Convolutions),
            ["shards"] = StatedIdentity.Of(context.Shards),
            ["search precision"] = StatedIdentity.Of(context.SearchPrecision),
            ["images"] = Fingerprint.Of(("images", images)),
            ["labels"] = Fingerprint.Of(("labels", labels)),
            ["model"] = $"{model.GetType().Name} {Fingerprint.Of(model)}",
        };

    /// <summary>A text for an attack, a threat model or options. Of one that hides values only the type is compared: without a state file
    /// that must be no reason to refuse it.</summary>
    public static string Of(object? value) => StatedIdentity.FindHidden(value) is null
        ? StatedIdentity.WithWeights(value)
        : $"{value!.GetType()}, which hides values";
}
