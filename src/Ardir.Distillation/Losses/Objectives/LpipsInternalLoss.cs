using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// LPIPS between internal representations (ARDIR Eq. 7 to 11): feature maps of student and teacher are normalised position by position,
/// scaled by 1/sqrt(H*W) so that every layer counts equally, and compared in the Euclidean norm. With the defaults the distance lies in
/// [0, 2*sqrt(L)] for L layers.
/// </summary>
public sealed class LpipsInternalLoss : IDistillationLoss
{
    private readonly LpipsInternalLossOptions _options;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; the stage outputs <c>layer*</c> in the form of the paper when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public LpipsInternalLoss(LpipsInternalLossOptions? options = null)
    {
        _options = options ?? new LpipsInternalLossOptions();
        _options.Validate();
        Needs = new DistillationNeeds
        {
            Passes = [NetworkPass.StudentAdversarial, NetworkPass.TeacherClean],
            StudentLayers = _options.Layers,
            TeacherLayers = _options.TeacherLayers ?? _options.Layers,
        };
    }

    /// <inheritdoc/>
    public string Name => "LPIPS";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; }

    /// <summary>The adapters of <see cref="LpipsInternalLossOptions.Adapters"/>; null if there are none.</summary>
    public nn.Module? Trainable => _options.Adapters;

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return Compute(
            inputs[NetworkPass.StudentAdversarial],
            inputs[NetworkPass.TeacherClean],
            inputs.Labels);
    }

    /// <summary>The mean distance of a batch.</summary>
    /// <param name="student">With features [N,C,H,W].</param>
    /// <param name="teacher">With features of the same shapes, or of those that the adapters produce, treated as constants.</param>
    /// <param name="labels">Not used; present so that all losses are called with the same arguments.</param>
    /// <returns>Total and the parts <see cref="LossTerms.Lpips"/> and, for each layer, <c>lpips/layer</c>.</returns>
    /// <exception cref="ArgumentException">There are no features, or their number or shapes differ; the message gives both.</exception>
    public LossTerms Compute(TappedOutput student, TappedOutput teacher, Tensor? labels = null)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        TappedOutput.EnsureSeparate(student, teacher);
        using var scope = NewDisposeScope();
        var terms = new LossTermsBuilder();
        terms.Add(LossTerms.Lpips, PerSample(student.Features, teacher.Features, terms).mean());
        return terms.Build();
    }

    /// <summary>The distance of each sample.</summary>
    /// <param name="student">Feature maps [N,C,H,W].</param>
    /// <param name="teacher">Feature maps of the same shapes, or of those that the adapters produce, treated as constants.</param>
    /// <returns>[N], owned by the caller.</returns>
    /// <exception cref="ArgumentException">There are no features, or their number or shapes differ.</exception>
    public Tensor Distance(FeatureMaps student, FeatureMaps teacher)
    {
        using var scope = NewDisposeScope();
        return PerSample(student, teacher, terms: null).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";

    /// <summary>The distance of each sample, [N], in the current scope; the mean distance of each layer goes into
    /// <paramref name="terms"/>.</summary>
    internal Tensor PerSample(FeatureMaps student, FeatureMaps teacher, LossTermsBuilder? terms)
    {
        student = FeaturePairs.Matched(student, teacher, _options.Adapters);
        if (_options.LayerWeights is { } all && all.Count != student.Count)
            throw new ArgumentException($"There are {all.Count} layer weights for {student.Count} feature maps.", nameof(student));
        Tensor? total = null;
        for (var i = 0; i < student.Count; i++)
        {
            var squared = FeatureDistance.Squared(student[i], teacher[i], _options.Normalization, _options.BlockZeroPositions);
            terms?.AddPart($"{LossTerms.Lpips}/{student.Layers[i]}", squared.detach().sqrt().mean());
            if (_options.LayerWeights is { } weights) squared = squared * weights[i];
            var term = _options.Form == FeatureDistanceForm.SumOfLayerNorms ? FeatureDistance.Root(squared) : squared;
            total = total is null ? term : total + term;
        }
        return _options.Form == FeatureDistanceForm.Norm ? FeatureDistance.Root(total!) : total!;
    }
}
