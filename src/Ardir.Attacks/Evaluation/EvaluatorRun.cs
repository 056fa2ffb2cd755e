using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>One evaluation by <see cref="RobustnessEvaluator"/>: for every batch the clean pass, the attack on the images that are
/// classified correctly, and a forward pass that checks its result.</summary>
internal sealed class EvaluatorRun(IModule model, ImageDataset data, IAttack? attack, AttackContext context, ProbeDepth depth) : IDisposable
{
    private readonly List<bool> _correct = new(data.Count);
    private readonly List<bool> _robust = new(data.Count);
    private readonly FindingList _findings = new(context.Logger);
    private ModelProbe? _probe;
    private Tensor? _firstRow;       // of the logits
    private bool _isConstant = true;
    private int _nanImages;
    private int _nanPoints;
    private int _zeroGradients;
    private int _noNumbers;
    private readonly HashSet<string> _withoutGradient = [];

    public RobustnessResult Run(Device? device, EvaluationOptions options)
    {
        using var evaluation = new EvaluationModeScope(model);
        using var noGrad = no_grad();
        var weight = (model as nn.Module)?.parameters().FirstOrDefault(parameter => parameter.is_floating_point());
        var dtype = weight?.dtype ?? ScalarType.Float32;
        var order = new ImageBatchOptions { BatchSize = options.BatchSize, Shuffle = false, DType = dtype, Device = device };
        foreach (var batch in new ImageBatches(data, order).Epoch(0))
        {
            using var scope = NewDisposeScope();
            context.CancellationToken.ThrowIfCancellationRequested();
            var right = Classify(batch.Images, batch.Labels);
            _correct.AddRange(right);
            _robust.AddRange(attack is null ? right : Resists(attack, batch.Images, batch.Labels, right, batch.Indices[0]));
            options.Progress?.Report(_correct.Count);
        }
        Facts().AddTo(_findings, depth);
        _probe?.LookAtGradients(_correct, _robust);
        return new RobustnessResult { Correct = _correct, Robust = _robust, Findings = _findings.Sorted };
    }

    public void Dispose()
    {
        _probe?.Dispose();
        _firstRow?.Dispose();
    }

    private bool[] Classify(Tensor images, Tensor labels)
    {
        // Only the first batch is checked for a model that changes its input in place, and so the images attacked below: such a model
        // does so on every call.
        var logits = _correct.Count == 0 ? ModelProbe.Ask(model, images) : Ask(images);
        TensorGuard.LabelRange(labels, logits.shape[1], "data.Labels");
        var (right, predicted) = Verdict.Read(logits, labels);
        _nanImages += predicted.Count(answer => answer == logits.shape[1]);
        if (depth == ProbeDepth.Doubts) return right;
        _firstRow ??= logits.narrow(0, 0, 1).clone().DetachFromDisposeScope();
        _isConstant = _isConstant && _firstRow.shape[1] == logits.shape[1] && HostRead.Bool((logits == _firstRow).all());
        _probe ??= new ModelProbe(model, (images, labels, logits), Settings(), context, _findings);
        return right;
    }

    private ProbeSettings Settings() => attack is null ? ProbeSettings.Of(depth) : ProbeSettings.Of(depth, attack);

    private bool[] Resists(IAttack attack, Tensor images, Tensor labels, bool[] right, long first)
    {
        long[] rows = [.. Enumerable.Range(0, right.Length).Where(i => right[i]).Select(i => (long)i)];
        var result = new bool[right.Length];
        if (rows.Length == 0) return result;
        var at = tensor(rows, device: images.device);
        var (x, y) = (images.index_select(0, at), labels.index_select(0, at));
        var notes = new AttackNotes();
        long[] numbers = [.. rows.Select(row => first + row)];
        // Copies, so that an attack which changes its inputs in place cannot alter what its result is checked against.
        var told = context with { SampleIndices = numbers, Notes = notes };
        var adversarial = AttackAnswer.Check(attack, attack.Perturb(model, x.clone(), y.clone(), told), x);
        using var inside = attack.Threat.Contains(x, adversarial);
        if (!HostRead.Bool(inside.all()))
            throw new InvalidOperationException(
                $"{attack.Name} returned images outside {attack.Threat}, which would count as successes. The attack is at fault: " +
                "project its result with Threat.Project.");
        var logits = Ask(adversarial);
        var (still, predicted) = Verdict.Read(logits, y);
        for (var i = 0; i < rows.Length; i++) result[rows[i]] = still[i];
        _nanPoints += predicted.Count(answer => answer == logits.shape[1]);
        _zeroGradients += still.Where((isLeft, i) => isLeft && notes.IsStuck(numbers[i])).Count();
        _noNumbers += still.Where((isLeft, i) => isLeft && notes.IsLost(numbers[i])).Count();
        _withoutGradient.UnionWith(notes.WithoutGradient);
        return result;
    }

    private Tensor Ask(Tensor images)
    {
        var logits = ModelCall.Of(model, images);
        LogitsGuard.Check(logits, images, classes: 0);
        return logits.detach();
    }

    private EvaluationFacts Facts() => new()
    {
        Images = data.Count,
        NanImages = _nanImages,
        NanPoints = _nanPoints,
        ZeroGradients = (_zeroGradients, attack is null ? [] : [attack.Name]),
        NoNumbers = (_noNumbers, attack is null ? [] : [attack.Name]),
        WithoutGradient = [.. _withoutGradient],
        IsConstant = depth != ProbeDepth.Doubts && _isConstant && !AreImagesTheSame(),
    };

    private bool AreImagesTheSame()
    {
        using var scope = NewDisposeScope();
        return HostRead.Bool((data.Images == data.Images.narrow(0, 0, 1)).all());
    }
}
