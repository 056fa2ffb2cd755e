namespace Ardir.Tests.Core.Models;

internal static class StateKeys
{
    public static string[] BatchNorm(string path) =>
        [$"{path}.weight", $"{path}.bias", $"{path}.running_mean", $"{path}.running_var", $"{path}.num_batches_tracked"];

    public static string[] Affine(string path) => [$"{path}.weight", $"{path}.bias"];
}
