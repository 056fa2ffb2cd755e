using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// LPIPS between internal representations (ARDIR Eq. 7 to 11): feature maps of student and teacher, normalised position by position,
/// scaled by 1/sqrt(H*W) so that every layer counts equally, and compared in Euclidean norm. With the defaults it lies in
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
            Passes = NetworkPasses.StudentAdversarial | NetworkPasses.TeacherClean,
            StudentLayers = _options.Layers,
            TeacherLayers = _options.TeacherLayers ?? _options.Layers,
        };
    }

    /// <inheritdoc/>
    public string Name => "LPIPS";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; }

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        return Compute(DistillationInputs.Require(inputs.StudentAdversarial), DistillationInputs.Require(inputs.TeacherClean), inputs.Labels);
    }

    /// <summary>The mean distance of a batch.</summary>
    /// <param name="student">With features [N,C,H,W].</param>
    /// <param name="teacher">With features of the same shapes, treated as constants.</param>
    /// <param name="labels">Not used; here so that all losses are called alike.</param>
    /// <returns>Total and the parts <see cref="LossTerms.Lpips"/> and, for each layer, <c>lpips/layer</c>.</returns>
    /// <exception cref="ArgumentException">There are no features, or their number or shapes differ; the message gives both.</exception>
    public LossTerms Compute(TappedOutput student, TappedOutput teacher, Tensor? labels = null)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        using var scope = NewDisposeScope();
        var parts = new Dictionary<string, Tensor>();
        var total = PerSample(student.Features, teacher.Features, parts).mean();
        parts[LossTerms.Lpips] = total.detach();
        foreach (var part in parts.Values) part.MoveToOuterDisposeScope();
        return new LossTerms(total.MoveToOuterDisposeScope(), parts);
    }

    /// <summary>The distance of each sample.</summary>
    /// <param name="student">Feature maps [N,C,H,W].</param>
    /// <param name="teacher">Feature maps of the same shapes, treated as constants.</param>
    /// <returns>[N], owned by the caller.</returns>
    /// <exception cref="ArgumentException">There are no features, or their number or shapes differ.</exception>
    public Tensor Distance(FeatureMaps student, FeatureMaps teacher)
    {
        using var scope = NewDisposeScope();
        return PerSample(student, teacher, parts: null).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Name} {{ Layers = {Join(_options.Layers)}, TeacherLayers = {Join(_options.TeacherLayers)}, LayerWeights = {Join(_options.LayerWeights)}, Normalization = {_options.Normalization}, Form = {_options.Form}, BlockZeroPositions = {_options.BlockZeroPositions} }}";

    /// <summary>[N], in the current scope; the mean distance of each layer goes into <paramref name="parts"/>.</summary>
    internal Tensor PerSample(FeatureMaps student, FeatureMaps teacher, Dictionary<string, Tensor>? parts)
    {
        Check(student, teacher);
        Tensor? total = null;
        for (var i = 0; i < student.Count; i++)
        {
            var squared = FeatureMath.SquaredDistance(student[i], teacher[i], _options.Normalization, _options.BlockZeroPositions);
            if (parts is not null) parts[$"{LossTerms.Lpips}/{student.Layers[i]}"] = squared.detach().sqrt().mean();
            if (_options.LayerWeights is { } weights) squared = squared * weights[i];
            var term = _options.Form == FeatureDistanceForm.SumOfLayerNorms ? FeatureMath.SafeSqrt(squared) : squared;
            total = total is null ? term : total + term;
        }
        return _options.Form == FeatureDistanceForm.Norm ? FeatureMath.SafeSqrt(total!) : total!;
    }

    private static string Join<T>(IReadOnlyList<T>? list) => list is null ? "null" : $"[{string.Join(", ", list)}]";

    private void Check(FeatureMaps student, FeatureMaps teacher)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        if (student.Count == 0)
            throw new ArgumentException("The student's pass has no feature maps. Attach its tap with layers: FeatureTap.Attach(student, \"layer*\").", nameof(student));
        if (student.Count != teacher.Count)
            throw new ArgumentException($"The student has {student.Count} feature maps ({string.Join(", ", student.Layers)}) and the teacher {teacher.Count} ({string.Join(", ", teacher.Layers)}); they are compared by position.", nameof(teacher));
        if (_options.LayerWeights is { } weights && weights.Count != student.Count)
            throw new ArgumentException($"There are {weights.Count} layer weights for {student.Count} feature maps.", nameof(student));
        for (var i = 0; i < student.Count; i++)
        {
            if (student[i].dim() < 2)
                throw new ArgumentException($"Layer '{student.Layers[i]}' has shape {TensorGuard.Shape(student[i])}; expected [N,C,H,W] or [N,C].", nameof(student));
            LossGuard.SameShape(student[i], teacher[i], $"layer '{student.Layers[i]}' against '{teacher.Layers[i]}'");
        }
    }
}
