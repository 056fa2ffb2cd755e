using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>
/// ARDIR (Adversarial Robust Distillation with Internal Representation, Eq. 6 and 12): (1-beta) * KL(teacher || student) + beta * LPIPS
/// between tapped layers, with the student on adversarial images and the teacher on clean ones (or on adversarial images crafted against
/// the teacher). Labels that the teacher gets wrong become one-hot. With beta = 0 it equals ARD with the same label replacement, bit for
/// bit.
/// </summary>
public sealed class ArdirLoss : IDistillationLoss
{
    private readonly ArdirLossOptions _options;
    private readonly KlDivergenceLoss _kl;
    private readonly LpipsInternalLoss _lpips;

    /// <summary>Creates the loss.</summary>
    /// <param name="options">Options; the paper's RC setting for CIFAR-10 when null.</param>
    /// <exception cref="ArgumentException">An option is out of range, or options contradict each other.</exception>
    public ArdirLoss(ArdirLossOptions? options = null)
    {
        _options = options ?? new ArdirLossOptions();
        _options.Validate();
        _kl = new KlDivergenceLoss(_options.EffectiveKl);
        _lpips = new LpipsInternalLoss(_options.Features);
        Needs = new DistillationNeeds
        {
            Passes = FeaturesOfClean
                ? [NetworkPass.StudentAdversarial, NetworkPass.StudentClean, TeacherPass]
                : [NetworkPass.StudentAdversarial, TeacherPass],
            StudentLayers = UsesFeatures ? _lpips.Needs.StudentLayers : [],
            TeacherLayers = UsesFeatures ? _lpips.Needs.TeacherLayers : [],
        };
    }

    /// <inheritdoc/>
    public string Name => "ARDIR";

    /// <inheritdoc/>
    public DistillationNeeds Needs { get; }

    /// <summary>The adapters of <see cref="ArdirLossOptions.Features"/>; null if there are none, and with beta = 0.</summary>
    public nn.Module? Trainable => UsesFeatures ? _options.Features.Adapters : null;

    /// <summary>Warns of options that the paper discards or that leave the labels unused.</summary>
    public IEnumerable<string> Warnings
    {
        get
        {
            if (_options.Beta == 1) yield return "Beta is 1: the labels are not used at all, neither the teacher's nor the true ones.";
            if (_options.TeacherData == TeacherData.CleanAdversarial)
                yield return "TeacherData.CleanAdversarial: a clean teacher is wrong on nearly all of its adversarial images, so nearly " +
                    "every label is replaced. The paper discards this setting.";
        }
    }

    /// <summary>The options in force.</summary>
    public ArdirLossOptions Options => _options;

    private NetworkPass TeacherPass => _options.TeacherData.Pass();

    private bool UsesFeatures => _options.Beta > 0;

    private bool FeaturesOfClean => UsesFeatures && _options.FeatureInput == FeatureInput.Clean;

    /// <inheritdoc/>
    public LossTerms Compute(DistillationInputs inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var student = inputs[NetworkPass.StudentAdversarial];
        var features = FeaturesOfClean ? inputs[NetworkPass.StudentClean] : student;
        var teacher = inputs[TeacherPass];
        return Compute(student.Output, features.Features, teacher, inputs);
    }

    /// <summary>The loss of a batch.</summary>
    /// <param name="student">The student on adversarial images: logits [N,K] and features.</param>
    /// <param name="teacher">The teacher on the images that <see cref="ArdirLossOptions.TeacherData"/> names, treated as constants.</param>
    /// <param name="labels">True classes, int64 [N].</param>
    /// <returns>Total and the parts <see cref="LossTerms.Kl"/>, <see cref="LossTerms.Lpips"/> (and per layer),
    /// <see cref="LossTerms.Replaced"/>.</returns>
    /// <exception cref="ArgumentException">Shapes, dtypes or devices do not fit, features are missing, or the tapped networks share a
    /// module or a parameter.</exception>
    /// <exception cref="InvalidOperationException">The options take the features from clean images, which this call does not
    /// have.</exception>
    public LossTerms Compute(TappedOutput student, TappedOutput teacher, Tensor labels)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        TappedOutput.EnsureSeparate(student, teacher);
        if (FeaturesOfClean)
        {
            throw new InvalidOperationException(
                "FeatureInput.Clean needs the student on clean images as well: call Compute(DistillationInputs).");
        }
        return Compute(student.Output, student.Features, teacher, new DistillationInputs { Labels = labels });
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {StatedIdentity.Of(_options)}";

    /// <summary>(1-beta) * KL + beta * LPIPS of each sample, [N], in the current scope: the objective of an attack.</summary>
    internal Tensor PerSample(TappedOutput student, TappedOutput teacher, Tensor labels)
    {
        // The range of the labels was checked by the attack.
        KlDivergenceLoss.CheckShapes(student.Output, teacher.Output, labels);
        var (divergence, wrong) = _kl.PerSample(student.Output, teacher.Output, labels);
        if (!UsesFeatures) return divergence;
        var distance = _lpips.PerSample(student.Features, teacher.Features, terms: null);
        if (_options.MaskFeaturesOfWrongTeacher) distance = distance * wrong.logical_not().to(distance.dtype);
        return divergence * (1 - _options.Beta) + distance * _options.Beta;
    }

    private LossTerms Compute(Tensor logits, FeatureMaps features, TappedOutput teacher, DistillationInputs inputs)
    {
        var labels = inputs.Labels;
        KlDivergenceLoss.Check(logits, teacher.Output, labels, inputs.Checked);
        using var scope = NewDisposeScope();
        var terms = new LossTermsBuilder();
        var samples = _kl.PerSample(logits, teacher.Output, labels);
        _kl.AddTo(terms, samples, logits.shape[1], 1 - _options.Beta, inputs.Share);
        if (UsesFeatures)
        {
            var distance = _lpips.PerSample(features, teacher.Features, terms);
            if (_options.MaskFeaturesOfWrongTeacher) distance = distance * samples.Wrong.logical_not().to(distance.dtype);
            terms.Add(LossTerms.Lpips, distance.mean(), _options.Beta);
        }
        if (_options.CrossEntropyWeight > 0)
        {
            var crossEntropy = HardLabels.CrossEntropy(logits, labels, inputs.LabelSmoothing);
            terms.Add(LossTerms.CrossEntropy, crossEntropy, _options.CrossEntropyWeight);
        }
        return terms.Build();
    }
}
