using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an evaluation measures on: a data set of images, or tensors of any shape.</summary>
internal abstract class EvaluationInputs
{
    /// <summary>How many samples.</summary>
    public abstract int Count { get; }

    /// <summary>All inputs, [N,...].</summary>
    public abstract Tensor All { get; }

    /// <summary>All labels, int64 [N].</summary>
    public abstract Tensor Labels { get; }

    /// <summary>The name of the labels for messages.</summary>
    public abstract string LabelsName { get; }

    /// <summary>The batches of a rank in order, valid until the next one is drawn: that of its number, and every one that follows after
    /// as many as there are ranks.</summary>
    /// <param name="options">How many samples each but the last has, and the device and dtype that the caller wants.</param>
    /// <param name="weights">What the model computes in; images of bytes are converted to it unless the options say otherwise.</param>
    /// <param name="ranks">The processes that share the batches.</param>
    /// <returns>Inputs, labels and the number of the first sample.</returns>
    public abstract IEnumerable<(Tensor Inputs, Tensor Labels, long First)> Batches(
        EvaluationOptions options, ScalarType weights, EvaluationRanks ranks);

    /// <summary>The images of a data set.</summary>
    /// <param name="data">Images of bytes.</param>
    public static EvaluationInputs Of(ImageDataset data) => new Images(data);

    /// <summary>Inputs as they are, but moved into the box where rounding left it.</summary>
    /// <param name="inputs">Checked, [N,...].</param>
    /// <param name="labels">Checked, int64 [N].</param>
    /// <param name="threat">Whose box; null for none.</param>
    public static EvaluationInputs Of(Tensor inputs, Tensor labels, ThreatModel? threat) => new Tensors(inputs, labels, threat);

    private sealed class Images(ImageDataset data) : EvaluationInputs
    {
        public override int Count => data.Count;

        public override Tensor All => data.Images;

        public override Tensor Labels => data.Labels;

        public override string LabelsName => "data.Labels";

        public override IEnumerable<(Tensor Inputs, Tensor Labels, long First)> Batches(
            EvaluationOptions options, ScalarType weights, EvaluationRanks ranks)
        {
            var order = new ImageBatchOptions
            {
                BatchSize = options.BatchSize, Shuffle = false, DType = options.DType ?? weights, Device = options.Device,
            };
            foreach (var batch in new ImageBatches(data, order).Epoch(0, skip: ranks.Rank, stride: ranks.Size))
                yield return (batch.Images, batch.Labels, batch.Indices[0]);
        }
    }

    private sealed class Tensors(Tensor inputs, Tensor labels, ThreatModel? threat) : EvaluationInputs
    {
        public override int Count => (int)inputs.shape[0];

        public override Tensor All => inputs;

        public override Tensor Labels => labels;

        public override string LabelsName => "labels";

        public override IEnumerable<(Tensor Inputs, Tensor Labels, long First)> Batches(
            EvaluationOptions options, ScalarType weights, EvaluationRanks ranks)
        {
            using var all = inputs.detach();
            var (dtype, device) = (options.DType ?? inputs.dtype, options.Device ?? inputs.device);
            for (var first = ranks.Rank * (long)options.BatchSize; first < Count; first += ranks.Size * (long)options.BatchSize)
            {
                var count = Math.Min(options.BatchSize, Count - first);
                using var part = all.narrow(0, first, count);
                // A copy, because the model may write into what it is given.
                using var copy = part.to(dtype, device, copy: true);
                using var within = threat?.Clamp(copy);
                using var itsLabels = labels.narrow(0, first, count);
                using var moved = itsLabels.to(device);
                yield return (within ?? copy, moved, first);
            }
        }
    }
}
