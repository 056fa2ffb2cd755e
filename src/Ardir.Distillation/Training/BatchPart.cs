using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>A batch or, with gradient accumulation, a part of one, with its adversarial images.</summary>
/// <param name="Images">[n,C,H,W].</param>
/// <param name="Labels">int64 [n].</param>
/// <param name="Share">Of the batch's samples.</param>
internal sealed record BatchPart(Tensor Images, Tensor Labels, double Share)
{
    public Tensor? StudentAdversarial { get; set; }

    /// <summary>Only when the attack needs it, too: run once for both.</summary>
    public TappedOutput? TeacherClean { get; set; }

    public Tensor? TeacherAdversarial { get; set; }
}
