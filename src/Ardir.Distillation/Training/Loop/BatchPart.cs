using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A batch or, with gradient accumulation or several ranks, a part of one, with its adversarial images.</summary>
/// <param name="Batch">The clean images, [n,C,H,W], and their labels.</param>
/// <param name="Indices">The positions of the images in the training set.</param>
/// <param name="Share">The part's share of the batch's samples, in (0,1].</param>
internal sealed record BatchPart(CheckedBatch Batch, IReadOnlyList<long> Indices, double Share)
{
    public Tensor Images => Batch.Images;

    public Tensor Labels => Batch.Labels;

    /// <summary>The adversarial images by source.</summary>
    public Dictionary<ImageSource, Tensor> Crafted { get; } = [];

    /// <summary>Set only when the attack needs it, too, so that attack and loss share one pass of the teacher.</summary>
    public TappedOutput? TeacherClean { get; set; }

    /// <summary>The images of a source.</summary>
    public Tensor Of(ImageSource source) => source.Against is null ? Images : Crafted[source];
}
