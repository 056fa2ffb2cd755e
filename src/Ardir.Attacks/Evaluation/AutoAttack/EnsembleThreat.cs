using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an ensemble refuses before any work: because of its threat model, the shape of its inputs or how gradients are
/// computed.</summary>
internal static class EnsembleThreat
{
    /// <summary>Refuses threat models and budgets with which the ensemble cannot work.</summary>
    /// <exception cref="ArgumentException">An attack of the version, or the security curve, needs a norm ball.</exception>
    public static void Check(ThreatModel threat, AutoAttackOptions options)
    {
        if (threat is NormThreatModel ball)
        {
            // Budgets that the threat model refuses must fail here and not after hours of evaluation.
            foreach (var epsilon in options.SecurityCurve) ball.WithEpsilon(epsilon);
            return;
        }
        if (options.SecurityCurve.Count > 0)
            throw new ArgumentException(
                $"SecurityCurve measures other radii of a norm ball, but the threat model is {threat}. Leave it empty, and evaluate once " +
                "for each threat model.", nameof(options));
        if (options.Version is not (AutoAttackVersion.Standard or AutoAttackVersion.Plus or AutoAttackVersion.Fast)) return;
        var cannot = options.Version == AutoAttackVersion.Plus ? "FAB, Square and FAB-T" : "FAB-T and Square";
        throw new ArgumentException(
            $"{cannot} of the {options.Version} version have formulas for norm balls only, but the threat model is {threat}. Choose the " +
            "attacks yourself: new AutoAttackOptions { Version = AutoAttackVersion.Custom, Attacks = [new ApgdAttack(threat), " +
            "new TargetedApgdAttack(threat)] }, and add attacks of your own that need no gradient.", nameof(threat));
    }

    /// <summary>Refuses inputs of a shape with which one of the attacks, or of those that they consist of, cannot work.</summary>
    /// <exception cref="ArgumentException">An attack is for inputs of another shape.</exception>
    public static void CheckShape(IEnumerable<IAttack> attacks, Tensor images)
    {
        foreach (var attack in attacks)
        {
            if (attack is ICompositeAttack composite) CheckShape(composite.Attacks, images);
            else (attack as Attack)?.EnsureShape(images);
        }
    }

    /// <summary>Refuses attacks whose gradients cannot be averaged where they would have to be, which they themselves notice only when it
    /// is their turn.</summary>
    /// <param name="attacks">The attacks.</param>
    /// <param name="samples">Of how many passes each gradient is the mean outside of them.</param>
    /// <exception cref="InvalidOperationException">An attack compares the gradients of several classes.</exception>
    public static void CheckAveraging(IEnumerable<IAttack> attacks, int samples)
    {
        foreach (var attack in attacks)
        {
            var (search, own) = EotAttack.Unwrap(attack);
            if (search is ICompositeAttack composite) CheckAveraging(composite.Attacks, samples * own);
            else if (samples * own > 1 && search is Attack { CanAverage: false }) throw AttackRun.CannotAverage(search.Name);
        }
    }
}
