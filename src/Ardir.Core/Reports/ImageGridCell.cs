namespace Ardir.Core;

/// <summary>A picture as a PNG data URI, its size in image pixels, and its caption.</summary>
internal sealed record ImageGridCell(string DataUri, int Width, int Height, string Caption)
{
    public static ImageGridCell Of(Tensor picture, string caption)
    {
        ArgumentNullException.ThrowIfNull(caption);
        var png = PngEncoder.Encode(picture);
        return new ImageGridCell("data:image/png;base64," + Convert.ToBase64String(png), (int)picture.shape[2], (int)picture.shape[1], caption);
    }
}
