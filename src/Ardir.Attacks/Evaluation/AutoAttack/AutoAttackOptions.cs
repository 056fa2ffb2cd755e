using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>Options of <see cref="AutoAttack"/>.</summary>
public sealed record AutoAttackOptions
{
    private const double DefaultFastBound = 0.01;

    /// <summary>Which ensemble.</summary>
    /// <value><see cref="AutoAttackVersion.Standard"/> by default.</value>
    public AutoAttackVersion Version { get; init; } = AutoAttackVersion.Standard;

    /// <summary>The attacks of <see cref="AutoAttackVersion.Custom"/>, in order, all with the ensemble's threat model. Must be null
    /// for the other versions.</summary>
    /// <value>null by default.</value>
    public IReadOnlyList<IAttack>? Attacks { get; init; }

    /// <summary>Images per batch. Results do not depend on it, up to rounding.</summary>
    /// <value>256 by default.</value>
    public int BatchSize { get; init; } = 256;

    /// <summary>Root of all random numbers.</summary>
    /// <value>0 by default.</value>
    public ulong Seed { get; init; }

    /// <summary>A file to which every finished batch is written. When it holds an interrupted evaluation of the same model, images
    /// and options, the evaluation resumes from there and ends with the same result. <see cref="SecurityCurve"/> may differ; only the
    /// budgets that are new are measured. The attacks are compared by their <see cref="StatedIdentity"/>, so an attack of your own
    /// that has options must state them (<see cref="Attack.Options"/>); it is refused otherwise. While the evaluation runs, a file
    /// beside it with <c>.owner</c> appended names its process, for the message to a second one.</summary>
    /// <value>null by default.</value>
    public string? StatePath { get; init; }

    /// <summary>Runs the checks behind <see cref="RobustnessReport.Findings"/>, which cost about 30 evaluations of the first batch.
    /// Without them, only problems that make the result wrong and cost nothing to detect are reported:
    /// <see cref="FindingKind.ZeroGradient"/>, <see cref="FindingKind.BadGradient"/>, <see cref="FindingKind.NoGradient"/> and
    /// <see cref="FindingKind.NanLogits"/>.</summary>
    /// <value>true by default.</value>
    public bool Diagnose { get; init; } = true;

    /// <summary>Budgets at which robust accuracy is measured as well, with targeted APGD alone; positive, for Linf at most 1.</summary>
    /// <value>None by default.</value>
    public IReadOnlyList<double> SecurityCurve { get; init; } = [];

    /// <summary>How much higher the robust accuracy of <see cref="AutoAttackVersion.Fast"/> may be than that of the standard version, as a
    /// share of all images and with 95 % confidence. Square runs on the smallest sample that guarantees it; on few images that may be all
    /// survivors. Exact for sampling without replacement (hypergeometric); the binomial bound would need a slightly larger sample. Only for
    /// that version.</summary>
    /// <value>0.01 by default: one percentage point.</value>
    public double FastBound { get; init; } = DefaultFastBound;

    /// <summary>Whether the attacks of the version follow the schedule of the published code to the end. Otherwise they give up samples
    /// whose progress would not bring them to success (<see cref="TargetedApgdOptions.GiveUp"/>, <see cref="FabOptions.GiveUp"/>,
    /// <see cref="SquareOptions.GiveUp"/>), which saves more than half of the passes; the report names the attacks that do. No effect on
    /// the attacks of <see cref="AutoAttackVersion.Rand"/>, which never give up. Must be false for
    /// <see cref="AutoAttackVersion.Custom"/>, whose attacks have these options themselves.</summary>
    /// <value>false by default.</value>
    public bool Exhaustive { get; init; }

    /// <summary>The processes that share an evaluation by <see cref="AutoAttack.Evaluate"/>. All of them must call it with the same model,
    /// images, labels and options, which is checked before any work, and all get the same report: that of a single process, bit for bit on
    /// machines that compute alike. Only rank 0 logs, reports progress and uses <see cref="StatePath"/>; its state file is the one that a
    /// single process would have written, so that a run may resume with another number of processes. A batch is worked on by one process,
    /// so <see cref="BatchSize"/> should leave many batches for each. <see cref="AutoAttack.Perturb"/> ignores it: inside of something
    /// else, each process works for itself.</summary>
    /// <value>A single process by default.</value>
    public ICollective Collective { get; init; } = SoloCollective.Instance;

    internal void Validate()
    {
        if (Collective is null)
            throw new ArgumentNullException(nameof(Collective), "Leave Collective out for a single process.");
        if (!Enum.IsDefined(Version)) throw new ArgumentOutOfRangeException(nameof(Version), Version, "Unknown version.");
        OptionGuard.Positive(BatchSize);
        if (!(FastBound is > 0 and < 1))
            throw new ArgumentOutOfRangeException(
                nameof(FastBound), FastBound, "FastBound must be between 0 and 1, a share of the images: 0.01 is one percentage point.");
        if (Version != AutoAttackVersion.Fast && FastBound != DefaultFastBound)
            throw new ArgumentException(
                $"FastBound is set, but the version is {Version}, which runs every attack on all survivors. Choose AutoAttackVersion.Fast.",
                nameof(FastBound));
        if (Version != AutoAttackVersion.Custom && Attacks is not null)
            throw new ArgumentException(
                $"Attacks is set, but the version is {Version}, which has its own. Choose AutoAttackVersion.Custom.", nameof(Attacks));
        if (Version == AutoAttackVersion.Custom && Attacks is not { Count: > 0 })
            throw new ArgumentException("AutoAttackVersion.Custom needs at least one attack in Attacks.", nameof(Attacks));
        if (Version == AutoAttackVersion.Custom && Exhaustive)
            throw new ArgumentException(
                "Exhaustive is set, but AutoAttackVersion.Custom runs attacks of your own. Set GiveUp = false in their options.",
                nameof(Exhaustive));
        if (Attacks?.Contains(null!) == true) throw new ArgumentException("An attack in Attacks is null.", nameof(Attacks));
        if (Attacks?.FirstOrDefault(attack => string.IsNullOrWhiteSpace(attack.Name)) is { } nameless)
            throw new ArgumentException(
                $"The attack {nameless.GetType().Name} in Attacks has no name, which the report needs.", nameof(Attacks));
        if (SecurityCurve is null || SecurityCurve.Any(epsilon => !(double.IsFinite(epsilon) && epsilon > 0)))
            throw new ArgumentException("SecurityCurve must hold positive finite budgets.", nameof(SecurityCurve));
        if (StatePath is not null && string.IsNullOrWhiteSpace(StatePath))
            throw new ArgumentException("StatePath is empty; expected the path of a file, or null.", nameof(StatePath));
    }
}
