using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What every kind of evaluation has counted by its end, and the findings that follow from it without another pass through the
/// model.</summary>
internal sealed record EvaluationFacts
{
    private const double SquareSlack = 0.002;

    /// <summary>How many images.</summary>
    public required int Images { get; init; }

    /// <summary>Clean images with NaN logits.</summary>
    public required int NanImages { get; init; }

    /// <summary>Images that were broken by a point with NaN logits.</summary>
    public int NanPoints { get; init; }

    /// <summary>Number of unbroken images at which an attack met a gradient of exactly zero and no other attack had a usable one, and
    /// the names of the attacks that met it.</summary>
    public (int Images, IReadOnlyList<string> Attacks) ZeroGradients { get; init; } = (0, []);

    /// <summary>As <see cref="ZeroGradients"/>, for gradients that are NaN or infinite although no logit is NaN.</summary>
    public (int Images, IReadOnlyList<string> Attacks) NonFiniteGradients { get; init; } = (0, []);

    /// <summary>Attacks that ended because no gradient flows through the model.</summary>
    public IReadOnlyList<string> WithoutGradient { get; init; } = [];

    /// <summary>Whether different images have exactly the same logits.</summary>
    public bool IsConstant { get; init; }

    /// <summary>Claims of attacks that were not confirmed.</summary>
    public int Unconfirmed { get; init; }

    /// <summary>The attacks of an ensemble.</summary>
    public IReadOnlyList<AttackSummary> Attacks { get; init; } = [];

    /// <summary>Whether all samples have exactly the same values.</summary>
    public static bool AreAllTheSame(Tensor samples)
    {
        using var scope = NewDisposeScope();
        return HostRead.Bool((samples == samples.narrow(0, 0, 1)).all());
    }

    public void AddTo(FindingList findings, EvaluationChecks checks)
    {
        AddDoubts(findings);
        if (checks >= EvaluationChecks.Free) AddChecks(findings);
    }

    private void AddDoubts(FindingList findings)
    {
        if (ZeroGradients.Images > 0)
            findings.Add(FindingKind.ZeroGradient,
                $"For {ZeroGradients.Images} of {Images} images, which stayed unbroken, the gradient of the loss was exactly zero at " +
                $"a point that {string.Join(" and ", ZeroGradients.Attacks)} asked about. {EvaluationTexts.ZeroGradientAdvice}",
                ZeroGradients.Images);
        if (NonFiniteGradients.Images > 0)
            findings.Add(FindingKind.BadGradient,
                $"For {NonFiniteGradients.Images} of {Images} images, which stayed unbroken, the gradient of the loss was NaN or " +
                $"infinite at a point that {string.Join(" and ", NonFiniteGradients.Attacks)} asked about, although no logit was NaN. " +
                "It was replaced by zero, so their failure there says nothing about robustness. Look for a square root or a norm at " +
                "zero, a logarithm of zero, and logits that are infinite or too large for their precision; add an attack without " +
                "gradients (SquareAttack).",
                NonFiniteGradients.Images);
        if (WithoutGradient.Count > 0)
            findings.Add(FindingKind.NoGradient,
                $"No gradient flows through the model, so {string.Join(" and ", WithoutGradient)} could not search and broke nothing: " +
                "a detach, no_grad, a rounding step or a constant inside the model. Only attacks without gradients (SquareAttack) " +
                "say anything about it.", Images);
        if (NanImages > 0)
            findings.Add(FindingKind.NanLogits,
                $"{NanImages} of {Images} clean images have NaN logits; they count as misclassified.{AlsoBroken}", NanImages + NanPoints);
        else if (NanPoints > 0)
            findings.Add(FindingKind.NanLogits, $"The model answers with NaN logits within the threat set.{AlsoBroken}", NanPoints);
    }

    private string AlsoBroken => NanPoints == 0
        ? ""
        : $" For {NanPoints} of {Images} images an attack found a point whose logits are NaN; they count as broken.";

    private void AddChecks(FindingList findings)
    {
        if (IsConstant)
            findings.Add(FindingKind.ConstantLogits,
                "All images have exactly the same logits: the model ignores its input, or its weights were not loaded.", Images);
        foreach (var attack in Attacks.Skip(1))
        {
            // Counts what Square itself broke, because the final accuracy includes the attacks that run after it in 'plus'.
            if (attack.Name.StartsWith("Square", StringComparison.Ordinal) && attack.Broken > SquareSlack * Images)
                findings.Add(FindingKind.SquareImproves,
                    $"Square, which uses no gradient, broke {attack.Broken} images that the attacks with gradients could not: the " +
                    "gradients mislead. Look for an adaptive attack.", attack.Broken);
        }
        if (Unconfirmed > 0)
            findings.Add(FindingKind.UnconfirmedSuccess,
                $"{Unconfirmed} claimed results were not wrong, or not within the budget, on inspection and were not counted. " +
                "Randomness or numbers at the edge of the budget do that.", Unconfirmed);
    }
}
