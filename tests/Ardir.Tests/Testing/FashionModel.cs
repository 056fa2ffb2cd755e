using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The small adversarially trained network of the official AutoAttack result, and its images.</summary>
internal static class FashionModel
{
    public static SmallCnn Robust()
    {
        var model = SmallCnn.Create();
        model.LoadWeights(Path.Combine(AppContext.BaseDirectory, "Goldens", "fm_robust.safetensors"));
        return model;
    }

    public static (Tensor Images, Tensor Labels) Images(int count)
    {
        using var data = ImageDataset.Mnist(Path.Combine(AppContext.BaseDirectory, "Data", "fashion-mnist"), Split.Test);
        return data.Batch([.. Enumerable.Range(0, count).Select(i => (long)i)]);
    }
}
