using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What a model says about the clean images. It is asked once; the checks of the model, the attacks and all points of a security
/// curve begin from it.</summary>
internal sealed class CleanAnswers : IDisposable
{
    private CleanAnswers(Tensor logits, bool[] right, long[] predicted) => (Logits, Right, Predicted) = (logits, right, predicted);

    /// <summary>Logits of all clean images, [N,K].</summary>
    public Tensor Logits { get; }

    /// <summary>For each image whether it is classified correctly. One with NaN logits is not.</summary>
    public IReadOnlyList<bool> Right { get; }

    /// <summary>For each image the predicted class; K where the logits are NaN.</summary>
    public IReadOnlyList<long> Predicted { get; }

    /// <summary>Asks the model, batch by batch.</summary>
    /// <param name="task">The evaluation; its attacks are not needed.</param>
    public static CleanAnswers Of(EnsembleTask task)
    {
        using var scope = NewDisposeScope();
        var (parts, codec) = (new List<Tensor>(), EnsembleRecord.Logits(task.Images.device));
        for (var first = 0L; first < task.Count; first += task.BatchSize * (long)task.Ranks.Size)
        {
            var begin = first;
            var pieces = (int)Math.Min(task.Ranks.Size, (task.Count - first + task.BatchSize - 1) / task.BatchSize);
            task.Ranks.Round(
                pieces, piece => Answer(task, begin + piece * (long)task.BatchSize), codec, logits => Add(task, parts, logits));
        }
        var all = cat(parts, 0);
        var (right, predicted) = Verdict.Read(all, task.Labels);
        return new CleanAnswers(all.DetachFromDisposeScope(), right, predicted);
    }

    public void Dispose() => Logits.Dispose();

    private static void Add(EnsembleTask task, List<Tensor> parts, Tensor logits)
    {
        // Once they are known, and not after all images.
        if (parts.Count == 0) TensorGuard.LabelRange(task.Labels, logits.shape[1], "labels");
        else if (logits.shape[1] != parts[0].shape[1])
            throw new InvalidOperationException(
                $"The model returned {logits.shape[1]} classes after {parts[0].shape[1]} before, for the images from " +
                $"{parts.Count * (long)task.BatchSize} on; expected the same classes for every image.");
        parts.Add(logits);
    }

    private static Tensor Answer(EnsembleTask task, long first)
    {
        // Frees the tensors that a model leaves in the scope after every batch and not only at the end.
        using var scope = NewDisposeScope();
        // A copy for the model, which may normalise in place what it is given.
        var part = task.Images.narrow(0, first, Math.Min(task.BatchSize, task.Count - first)).clone();
        return task.Model.Answer(part).MoveToOuterDisposeScope();
    }
}
