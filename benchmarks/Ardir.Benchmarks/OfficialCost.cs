using System.Text.Json;
using Ardir.Attacks;

namespace Ardir.Benchmarks;

/// <summary>
/// How many evaluations the official code makes, derived from its source and equal to the four counts that are known of it. In APGD and FAB an image
/// stays until the end of a unit (a restart or a target) even if it is broken, in Square until its first success. Each attack evaluates its images ten
/// times besides.
/// </summary>
internal sealed class OfficialCost : IProgress<AttackProgress>
{
    private const int Besides = 10;
    private const int Iterations = 100;
    private const int Targets = 9;
    private const int Queries = 5000;

    // A forward and a backward pass for every iteration and the start; L1 has three starts. APGD-T also asks which class is the target.
    private const int Apgd = 2 * (Iterations + 1);
    private const int ApgdL1 = 2 * (Iterations + 3);

    // Two forward passes and a backward one for each iteration, and three forward passes for each target.
    private const int Fab = 3 * Iterations + 3;

    // The clean image and the start besides the queries.
    private const int Square = 2;

    private readonly Dictionary<string, (long Images, long Units, long Queries)> _attacks = [];
    private int _left;
    private int _active;

    /// <summary>Begins an evaluation in which every unit is one batch.</summary>
    /// <param name="correct">Images that are attacked.</param>
    public OfficialCost(int correct) => (_left, _active) = (correct, correct);

    public void Report(AttackProgress value)
    {
        var (images, units, queries) = _attacks.GetValueOrDefault(value.Attack, (_left, 0, 0));
        if (value.Evaluation is null)
        {
            // Those that are active after a step took part in it.
            if (value.Step == 1) _active = _left;
            queries += _active;
            _active = value.Active;
            _attacks[value.Attack] = (images, units, queries);
            return;
        }
        _attacks[value.Attack] = (images, units + _left, queries);
        _left = value.Active;
    }

    /// <summary>Of an attack of the ensemble; 0 if it had nothing to attack.</summary>
    public long Of(string attack, bool isL1)
    {
        if (!_attacks.TryGetValue(attack, out var counts)) return 0;
        return Of(attack, isL1, counts.Images, counts.Units, counts.Queries);
    }

    /// <summary>At least what the official code makes in Linf, from the images that an attack began and ended with alone: as if all that it
    /// broke had left at once.</summary>
    /// <param name="attack">Of the ensemble.</param>
    /// <param name="attacked">Images that it began with.</param>
    /// <param name="left">Images that it did not break.</param>
    public static long AtLeast(string attack, int attacked, int left) =>
        Of(attack, isL1: false, attacked, attack == "APGD-CE" ? attacked : (long)Targets * left, (long)Queries * left);

    private static long Of(string attack, bool isL1, long images, long units, long queries)
    {
        var apgd = isL1 ? ApgdL1 : Apgd;
        return Besides * images + attack switch
        {
            "APGD-CE" => apgd * units,
            "APGD-T" => (apgd + 1) * units,
            "FAB-T" => Fab * units,
            _ => Square * images + queries,
        };
    }

    /// <summary>The formula at the numbers of images of the official run, from which its four counts must follow; throws if they do not.</summary>
    public static void Check(IEnumerable<JsonElement> official)
    {
        foreach (var (attack, name) in official.Zip(["APGD-CE", "APGD-T", "FAB-T", "Square"]))
        {
            var (images, forwards, backwards) = (Number(attack, "attacked"), Number(attack, "sample_forwards"), Number(attack, "sample_backwards"));
            // No image was broken by Square. How many images each unit had, summed over units, follows from the backward passes.
            var units = backwards / (name == "FAB-T" ? Iterations : Iterations + 1);
            var expected = Of(name, isL1: false, images, units, queries: Queries * images);
            if (expected != forwards + backwards) throw new InvalidOperationException($"{name}: the formula gives {expected}, not {forwards + backwards}.");
        }
    }

    private static long Number(JsonElement of, string name) => of.GetProperty(name).GetInt64();
}
