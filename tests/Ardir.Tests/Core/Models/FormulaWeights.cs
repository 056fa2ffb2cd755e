using System.Text;

namespace Ardir.Tests.Core.Models;

/// <summary>The weights and the input of architectures.json, from its formulas.</summary>
internal static class FormulaWeights
{
    public static Tensor Input(int channels = 3, int height = 32, int width = 32) =>
        ((arange(2L * channels * height * width, ScalarType.Float64) * 0.01).sin() * 0.5 + 0.5).reshape(2, channels, height, width);

    public static void Set(nn.Module model)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (key, value) in model.state_dict())
        {
            if (key.EndsWith("num_batches_tracked", StringComparison.Ordinal)) continue;
            var phase = 0.3 * Encoding.UTF8.GetBytes(key).Sum(letter => (long)letter);
            var wave = (arange(value.numel(), ScalarType.Float64) * 0.7 + phase).sin().reshape(value.shape);
            value.copy_(key switch
            {
                _ when key.EndsWith("running_var", StringComparison.Ordinal) => wave.abs() * 0.5 + 1,
                _ when key.EndsWith("running_mean", StringComparison.Ordinal) || key.EndsWith("bias", StringComparison.Ordinal) => wave * 0.1,
                _ when value.dim() == 1 => wave * 0.1 + 1,
                _ => wave * Math.Sqrt(2.0 * value.shape[0] / value.numel()),
            });
        }
    }
}
