using Ardir.Core;

namespace Ardir.Attacks;

/// <summary>What an evaluation measures on: a data set of images, or tensors of any shape.</summary>
internal abstract class EvaluationInputs
{
    /// <summary>How many samples.</summary>
    public abstract int Count { get; }

    /// <summary>All inputs, [N,...].</summary>
    public abstract Tensor All { get; }

    /// <summary>The name of the labels for messages.</summary>
    public abstract string LabelsName { get; }

    /// <summary>The batches in order, valid until the next one is drawn.</summary>
    /// <param name="size">Samples in each but the last.</param>
    /// <param name="dtype">What the model computes in; images of bytes are converted to it.</param>
    /// <returns>Inputs, labels and the number of the first sample.</returns>
    public abstract IEnumerable<(Tensor Inputs, Tensor Labels, long First)> Batches(int size, ScalarType dtype);

    /// <summary>The images of a data set.</summary>
    /// <param name="data">Images of bytes.</param>
    /// <param name="device">Where the batches are moved to; null leaves them on the device of the data set.</param>
    public static EvaluationInputs Of(ImageDataset data, Device? device) => new Images(data, device);

    /// <summary>Inputs as they are, but moved into the box where rounding left it.</summary>
    /// <param name="inputs">Checked, [N,...].</param>
    /// <param name="labels">Checked, int64 [N].</param>
    /// <param name="threat">Whose box; null for none.</param>
    public static EvaluationInputs Of(Tensor inputs, Tensor labels, ThreatModel? threat) => new Tensors(inputs, labels, threat);

    private sealed class Images(ImageDataset data, Device? device) : EvaluationInputs
    {
        public override int Count => data.Count;

        public override Tensor All => data.Images;

        public override string LabelsName => "data.Labels";

        public override IEnumerable<(Tensor Inputs, Tensor Labels, long First)> Batches(int size, ScalarType dtype)
        {
            var order = new ImageBatchOptions { BatchSize = size, Shuffle = false, DType = dtype, Device = device };
            foreach (var batch in new ImageBatches(data, order).Epoch(0)) yield return (batch.Images, batch.Labels, batch.Indices[0]);
        }
    }

    private sealed class Tensors(Tensor inputs, Tensor labels, ThreatModel? threat) : EvaluationInputs
    {
        public override int Count => (int)inputs.shape[0];

        public override Tensor All => inputs;

        public override string LabelsName => "labels";

        public override IEnumerable<(Tensor Inputs, Tensor Labels, long First)> Batches(int size, ScalarType dtype)
        {
            using var all = inputs.detach();
            for (var first = 0L; first < Count; first += size)
            {
                var count = Math.Min(size, Count - first);
                using var part = all.narrow(0, first, count);
                // A copy, because the model may write into what it is given.
                using var copy = threat is null ? part.clone() : threat.Clamp(part);
                using var itsLabels = labels.narrow(0, first, count);
                yield return (copy, itsLabels, first);
            }
        }
    }
}
