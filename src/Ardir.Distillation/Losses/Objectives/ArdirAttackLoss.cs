using System.Runtime.CompilerServices;
using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// The ARDIR loss as the objective of an attack on the student: it yields adversarial images that move the student's output and features
/// away from the teacher's on the clean image. An alternative to cross-entropy in ARDIR's Algorithm 1. The gradient at the clean image is
/// a poor first direction for an attack, so keep the random start. Untargeted only.
/// </summary>
/// <example><code>
/// var attack = new PgdAttack(threat, new PgdOptions { Loss = new ArdirAttackLoss(student, teacher) });
/// </code></example>
public sealed class ArdirAttackLoss : IAttackLoss, IStatesIdentity
{
    private readonly IModule _student;
    private readonly IFeatureTap _studentTap;
    private readonly IFeatureTap _teacherTap;
    private readonly IModule _teacher;
    private readonly ScalarType? _teacherType;
    private readonly ArdirLoss _loss;

    // Attacks may share a loss between threads, and a model that contains the student (a normalisation before it, the conversion to
    // bfloat16 of a training) is the same in every step.
    private readonly ConditionalWeakTable<IModule, IFeatureTap> _taps = [];

    /// <summary>Creates the loss.</summary>
    /// <param name="student">The model that will be attacked, itself or as a part of another module.</param>
    /// <param name="teacher">Put into eval mode; always sees the clean image here.</param>
    /// <param name="options">As for <see cref="ArdirLoss"/>; options that do not apply to single samples (reduction, cross-entropy weight)
    /// are ignored.</param>
    /// <exception cref="ArgumentException">An option is out of range, a layer does not exist, or the options take the features from clean
    /// images (<see cref="FeatureInput.Clean"/>), where an attack cannot change them.</exception>
    public ArdirAttackLoss(IModule student, IModule teacher, ArdirLossOptions? options = null)
    {
        _loss = new ArdirLoss(options);
        if (_loss.Options is { Beta: > 0, FeatureInput: FeatureInput.Clean })
        {
            throw new ArgumentException(
                "FeatureInput is Clean, but the features of the clean image stay the same during an attack, so it could not increase " +
                "their distance. Use FeatureInput.Adversarial, or Beta = 0 to attack the outputs alone.",
                nameof(options));
        }
        (_student, _teacher) = (student, teacher);
        _studentTap = FeatureTap.Attach(student, [.. _loss.Needs.StudentLayers]);
        _teacherType = (teacher as nn.Module)?.parameters().FirstOrDefault(parameter => parameter.is_floating_point())?.dtype;
        _teacherTap = FeatureTap.AttachFrozen(teacher, [.. _loss.Needs.TeacherLayers]);
    }

    /// <inheritdoc/>
    public string Name => "ARDIR";

    IReadOnlyList<object?> IStatesIdentity.IdentityParts => [Name, _loss, _teacher];

    /// <summary>Name and options.</summary>
    /// <returns>Text that distinguishes two such losses.</returns>
    public override string ToString() => $"{Name} {_loss}";

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Prepare(AttackLossPreparation inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var images = inputs.Images;
        // A student in bfloat16 may be attacked on images in bfloat16, which a teacher in float32 would refuse.
        var teacher = _teacherTap.Forward(_teacherType is { } dtype ? images.to(dtype) : images);
        return [teacher.Output, .. teacher.Features];
    }

    /// <inheritdoc/>
    public TappedOutput Forward(IModule model, Tensor points)
    {
        if (ReferenceEquals(model, _student)) return _studentTap.Forward(points);
        var tapped = _taps.GetValue(model, TapWithin).Forward(points);
        // A student in bfloat16 inside a model that answers in float32: its features are compared with those of the teacher.
        var features = tapped.Features.Select(map => map.to(tapped.Output.dtype));
        return new TappedOutput(tapped.Output, new FeatureMaps(_studentTap.Layers.Zip(features)));
    }

    private IFeatureTap TapWithin(IModule model)
    {
        var place = (model as nn.Module)?.named_modules().FirstOrDefault(child => ReferenceEquals(child.module, _student));
        return place?.name is { } name
            ? FeatureTap.Attach(model, [.. _studentTap.Layers.Select(layer => $"{name}.{layer}")])
            : throw new InvalidOperationException(
                "ArdirAttackLoss was made for another model than the one under attack, which does not contain it either; make one for " +
                "this model.");
    }

    /// <inheritdoc/>
    public Tensor Compute(AttackLossInputs inputs)
    {
        if (inputs.Targets is not null)
        {
            throw new InvalidOperationException(
                "The ARDIR loss has no targeted form. Use AttackLoss.CrossEntropy, Dlr or Margin.");
        }
        using var scope = NewDisposeScope();
        var features = new FeatureMaps(_teacherTap.Layers.Zip(inputs.Reference.Skip(1)));
        var student = new TappedOutput(inputs.Logits, inputs.Features);
        return _loss.PerSample(student, new TappedOutput(inputs.Reference[0], features), inputs.Labels).MoveToOuterDisposeScope();
    }
}
