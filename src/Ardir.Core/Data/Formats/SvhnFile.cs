namespace Ardir.Core;

/// <summary>SVHN's cropped digits: X [32,32,3,N] and y [N,1], labels 1 to 10, where 10 means the digit 0.</summary>
internal static class SvhnFile
{
    private const int Side = 32, Plane = Side * Side, Pixels = 3 * Plane;
    private const int Chunk = 256;

    public static (Tensor Images, Tensor Labels, DataFile File) Read(string path)
    {
        using var scope = NewDisposeScope();
        Tensor? images = null;
        long[]? labels = null;
        var file = MatFile.Read(path, ["X", "y"], array =>
        {
            if ((array.Name == "X" ? images : labels as object) is not null)
                throw new DataFormatException($"{path} holds the variable {array.Name} twice.");
            if (array.Name == "X") images = Images(array, path);
            else labels = Labels(array, path);
        });
        if (images is null || labels is null)
            throw new DataFormatException(
                $"{path} holds no variable {(images is null ? "X" : "y")}; expected X with images and y with labels.");
        if (images.shape[0] != labels.Length)
            throw new DataFormatException($"{path} holds {images.shape[0]} images but {labels.Length} labels.");
        return (images.MoveToOuterDisposeScope(), tensor(labels, device: CPU).MoveToOuterDisposeScope(), file);
    }

    private static Tensor Images(MatArray array, string path)
    {
        // MATLAB drops a last dimension of size one, so a file with a single image has only three sizes.
        var count = array.Sizes.Count == 3 ? 1 : array.Sizes.Count == 4 ? array.Sizes[3] : 0;
        if (count == 0 || array.Sizes[0] != Side || array.Sizes[1] != Side || array.Sizes[2] != 3)
            throw new DataFormatException(
                $"{path}: X has sizes {string.Join('x', array.Sizes)}; expected 32x32x3xN with at least one image.");
        var images = empty([count, 3, Side, Side], ScalarType.Byte, CPU);
        var into = images.bytes;
        var columns = new byte[Math.Min(Chunk, count) * Pixels];
        for (var at = 0; at < count; at += Chunk)
        {
            var part = columns.AsSpan(0, (int)Math.Min(Chunk, count - at) * Pixels);
            array.Read(part);
            Transpose(part, into.Slice(at * Pixels, part.Length));
        }
        return images;
    }

    // MATLAB stores columns one after another, so within a channel the row index varies fastest; [N,C,H,W] needs the column index there.
    private static void Transpose(ReadOnlySpan<byte> columns, Span<byte> rows)
    {
        for (var plane = 0; plane < rows.Length; plane += Plane)
        {
            var from = columns.Slice(plane, Plane);
            var to = rows.Slice(plane, Plane);
            for (var w = 0; w < Side; w++)
                for (var h = 0; h < Side; h++) to[h * Side + w] = from[w * Side + h];
        }
    }

    private static long[] Labels(MatArray array, string path)
    {
        if (array.Sizes.Count != 2 || (array.Sizes[0] != 1 && array.Sizes[1] != 1) || array.Count is 0 or > int.MaxValue / Pixels)
            throw new DataFormatException($"{path}: y has sizes {string.Join('x', array.Sizes)}; expected Nx1.");
        var raw = new byte[array.Count];
        array.Read(raw);
        var labels = new long[raw.Length];
        for (var i = 0; i < raw.Length; i++)
            labels[i] = raw[i] is >= 1 and <= 10
                ? raw[i] % 10
                : throw new DataFormatException($"{path}: label {i} is {raw[i]}; expected 1 to 10, where 10 means the digit 0.");
        return labels;
    }
}
