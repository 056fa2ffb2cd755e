using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// How adversarial training crafts its images: projected gradient ascent (PGD) on an objective, from a start point, with batch norm in
/// train or eval mode. Each loss declares the one of its paper or released code in <see cref="DistillationNeeds.InnerMaximization"/>;
/// docs/objectives.md lists them.
/// </summary>
public sealed record InnerMaximization
{
    /// <summary>Ten steps of epsilon/4 on cross-entropy from a uniform start, in eval mode.</summary>
    public static InnerMaximization Default { get; } = new();

    /// <summary>What to maximise.</summary>
    /// <value><see cref="InnerObjective.CrossEntropy"/> by default.</value>
    public InnerObjective Objective { get; init; } = InnerObjective.CrossEntropy;

    /// <summary>Where to start.</summary>
    /// <value><see cref="RandomStart.Uniform"/> by default.</value>
    public RandomStart Start { get; init; } = RandomStart.Uniform;

    /// <summary>Gradient steps, at least 1.</summary>
    /// <value>10 by default.</value>
    public int Steps { get; init; } = 10;

    /// <summary>Step size as a share of epsilon, positive and finite.</summary>
    /// <value>0.25 by default: steps of 2/255 for an epsilon of 8/255.</value>
    public double StepShare { get; init; } = 0.25;

    /// <summary>Whether batch norm stays in train mode, so that every step of the attack changes its running statistics.</summary>
    /// <value>false by default.</value>
    public bool TrainMode { get; init; }

    /// <summary>Creates the attack. It does not apply <see cref="TrainMode"/>; the trainer does
    /// (<see cref="PrescribedCrafting"/>).</summary>
    /// <param name="threat">What an adversary may do to an image.</param>
    /// <param name="teacher">For <see cref="InnerObjective.KlToTeacher"/>; runs in eval mode, without gradient.</param>
    /// <returns>The attack.</returns>
    /// <exception cref="ArgumentNullException">The threat model is null, or the teacher where the objective needs it.</exception>
    /// <exception cref="ArgumentException">A property is out of range, or <see cref="InnerObjective.KlToClean"/> starts at the clean
    /// image.</exception>
    public IAttack CreateAttack(ThreatModel threat, IModule? teacher = null)
    {
        ArgumentNullException.ThrowIfNull(threat);
        Validate();
        return new PgdAttack(threat, new PgdOptions
        {
            Steps = Steps,
            StepSize = StepShare * threat.Epsilon,
            Start = Start,
            Loss = Loss(teacher),
        });
    }

    private IAttackLoss Loss(IModule? teacher) => Objective switch
    {
        InnerObjective.KlToClean => AttackLoss.KlToClean,
        InnerObjective.KlToTeacher => AttackLoss.KlToTeacher(
            teacher ?? throw new ArgumentNullException(
                nameof(teacher), "The objective KlToTeacher needs a teacher: pass the network that the student learns from.")),
        _ => AttackLoss.CrossEntropy,
    };

    private void Validate()
    {
        LossGuard.Defined(Objective);
        if (!(double.IsFinite(StepShare) && StepShare > 0))
        {
            throw new ArgumentOutOfRangeException(
                nameof(StepShare), StepShare, "StepShare must be a positive finite share of epsilon, such as 0.25.");
        }
    }
}
