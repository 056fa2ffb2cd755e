namespace Ardir.Distillation;

/// <summary>The images of one step.</summary>
/// <param name="Images">[N,C,H,W], floats, augmented.</param>
/// <param name="Labels">int64 [N].</param>
internal sealed record TrainingBatch(Tensor Images, Tensor Labels)
{
    public int Count => (int)Images.shape[0];
}
