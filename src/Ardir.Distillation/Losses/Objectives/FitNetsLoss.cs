using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// FitNets (Romero et al. 2015), in two stages. Stage 1, the first <see cref="FitNetsLossOptions.HintEpochs"/> epochs: mean of
/// 1/2 * ||hint(T) - r(guided(S))||^2, summed over the layers, with a regressor r (<see cref="FeatureAdapters"/>). Stage 2: knowledge
/// distillation, alpha * t^2 * KL(T || S) + (1-alpha) * CE. No attack by default.
/// </summary>
public sealed class FitNetsLoss : IDistillationLoss
{
    private readonly FitNetsLossOptions _options;
    private readonly KdLoss _distillation;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; hints of <c>layer2</c> without regressor for 20 epochs when null.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public FitNetsLoss(FitNetsLossOptions? options = null)
    {
        _options = options ?? new FitNetsLossOptions();
        _options.Validate();
        _distillation = new KdLoss(_options.Distillation);
        Needs = new DistillationNeeds
        {
            Passes = [StudentPass, NetworkPass.TeacherClean],
            StudentLayers = _options.Layers,
            TeacherLayers = _options.TeacherLayers ?? _options.Layers,
        };
    }

    /// <inheritdoc/>
    public string Name => "FitNets";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; }

    /// <summary>The regressors; null if there are none.</summary>
    public nn.Module? Trainable => _options.Adapters;

    private NetworkPass StudentPass =>
        _options.Input == FeatureInput.Clean ? NetworkPass.StudentClean : NetworkPass.StudentAdversarial;

    /// <summary>The loss of a batch.</summary>
    /// <param name="inputs">Student and teacher with logits [N,K] and features [N,C,H,W] or [N,C]; the teacher's are constants. The epoch
    /// decides the stage.</param>
    /// <returns>Total and, in stage 1, the parts <see cref="LossTerms.Hint"/> and <c>hint/layer</c>; in stage 2 those of
    /// <see cref="KdLoss"/>.</returns>
    /// <exception cref="ArgumentException">A pass is missing, or the number or the shapes of the maps differ; the message gives
    /// both.</exception>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var student = inputs[StudentPass];
        var teacher = inputs[NetworkPass.TeacherClean];
        return inputs.Epoch < _options.HintEpochs
            ? Hints(student.Features, teacher.Features)
            : _distillation.Compute(inputs with { StudentClean = student });
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";

    private LossTerms Hints(FeatureMaps guided, FeatureMaps hints)
    {
        using var scope = NewDisposeScope();
        var student = FeaturePairs.Matched(guided, hints, _options.Adapters);
        var terms = new LossTermsBuilder();
        Tensor? total = null;
        for (var i = 0; i < student.Count; i++)
        {
            var difference = LossPrecision.AtLeastSingle(student[i]) - LossPrecision.AtLeastSingle(hints[i].detach());
            var squared = difference.square().flatten(1);
            var distance = (_options.MeanOverElements ? squared.mean([1]) : squared.sum(dim: 1)).mean() * 0.5;
            terms.AddPart($"{LossTerms.Hint}/{student.Layers[i]}", distance);
            total = total is null ? distance : total + distance;
        }
        terms.Add(LossTerms.Hint, total!);
        return terms.Build();
    }
}
