using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Adversarial images as the source of the loss prescribes (<see cref="DistillationNeeds.InnerMaximization"/>: objective, start,
/// steps, step size, batch-norm mode; docs/objectives.md lists them), within a threat model. Each property that is set replaces what is
/// prescribed.</summary>
/// <example><code>
/// var options = new TrainerOptions { Crafting = new PrescribedCrafting(ThreatModel.Linf(8 / 255.0)) { Steps = 7 } };
/// </code></example>
public sealed record PrescribedCrafting : Crafting
{
    /// <summary>Crafts as prescribed.</summary>
    /// <param name="threat">What an adversary may do to an image.</param>
    /// <exception cref="ArgumentNullException">The threat model is null.</exception>
    public PrescribedCrafting(ThreatModel threat)
    {
        ArgumentNullException.ThrowIfNull(threat);
        Threat = threat;
    }

    /// <inheritdoc/>
    public override ThreatModel Threat { get; }

    /// <summary>What to maximise.</summary>
    /// <value>null by default: as prescribed.</value>
    public InnerObjective? Objective { get; init; }

    /// <summary>Where to start.</summary>
    /// <value>null by default: as prescribed.</value>
    public RandomStart? Start { get; init; }

    /// <summary>Gradient steps, at least 1.</summary>
    /// <value>null by default: as prescribed.</value>
    public int? Steps { get; init; }

    /// <summary>Step size as a share of epsilon, positive and finite.</summary>
    /// <value>null by default: as prescribed.</value>
    public double? StepShare { get; init; }

    /// <summary>Whether batch norm stays in train mode while the student is attacked, so that every step of the attack changes its running
    /// statistics.</summary>
    /// <value>null by default: as prescribed.</value>
    public bool? TrainMode { get; init; }

    internal override CraftedImages Plan(ImageSource images, InnerMaximization prescribed, IModule? teacher)
    {
        var inner = prescribed with
        {
            Objective = images.Against == NetworkRole.Student ? Objective ?? prescribed.Objective : prescribed.Objective,
            Start = Start ?? prescribed.Start,
            Steps = Steps ?? prescribed.Steps,
            StepShare = StepShare ?? prescribed.StepShare,
            TrainMode = TrainMode ?? prescribed.TrainMode,
        };
        var attack = Attacks.GetValueOrDefault(images) ?? inner.CreateAttack(Threat, teacher);
        return new CraftedImages(images, attack, inner.TrainMode && images.Against == NetworkRole.Student);
    }
}
